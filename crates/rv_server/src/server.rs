//! The running server: host, API and socket together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rv_map::City;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::{self, App, Binding};
use crate::auth::AuthTable;
use crate::host::{Core, Host, OpenError, Setup};
use crate::live::Feed;
use crate::store::StoreError;

/// Most wall time for the hours before anybody watches.
const RUN_UP_MAX: Duration = Duration::from_secs(60);

/// What a server consists of.
pub struct ServerSetup {
    /// Where to listen; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Who may do what.
    pub auth: AuthTable,
    /// Fleet, world and store.
    pub host: Setup,
}

/// A running server. It runs until [`Server::stop`].
pub struct Server {
    address: SocketAddr,
    host: Host,
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<std::io::Result<()>>,
}

/// Why a server does not start or stop well.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No threads or timers from the operating system.
    #[error("cannot start the network threads")]
    Runtime(#[source] std::io::Error),
    /// The state cannot be restored.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The last commit failed.
    #[error("the last changes could not be written")]
    Close(#[source] StoreError),
}

impl ServerError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                "another program uses this port: stop it, or choose another with --listen"
            }
            Self::Listen { .. } => "choose an address of this machine with --listen",
            Self::Runtime(_) => "check the limits on threads and open files",
            Self::Open(error) => error.hint(),
            Self::Close(error) => error.hint(),
        }
    }
}

impl Server {
    /// Restores the state, starts the host and listens.
    pub fn start(setup: ServerSetup) -> Result<Self, ServerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(ServerError::Runtime)?;
        // Before the state is touched: a port in use is the likeliest failure.
        let listen = |source| ServerError::Listen { address: setup.listen, source };
        let listener = runtime.block_on(TcpListener::bind(setup.listen)).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let city: Arc<City> = Arc::clone(&setup.host.city);
        let mut core = Core::open(setup.host)?;
        core.run_up(RUN_UP_MAX);
        let (feed, live) = Feed::new();
        let host = Host::start(core, feed);
        let router = api::router(App {
            host: host.client(),
            city,
            auth: setup.auth,
            live,
            binding: Binding::from(address),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Streams and slow clients do not hold up the end: what was acknowledged is
                    // durable, and the rest is refused.
                    result = axum::serve(listener, router) => result,
                    _ = stopped => Ok(()),
                }
            })
        });
        Ok(Self { address, host, stop, thread })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of the host.
    pub fn client(&self) -> crate::host::HostClient {
        self.host.client()
    }

    /// Stops listening, makes everything durable and ends the threads.
    pub fn stop(self) -> Result<(), ServerError> {
        // The thread may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.thread.join();
        self.host.stop().map_err(ServerError::Close)
    }
}
