//! The whole server on a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use rv_fleet::{Actor, Role};
use rv_server::auth::AuthTable;
use rv_server::store::MemoryStore;
use rv_server::{Server, ServerError, ServerSetup};
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::support::setup;

fn start(listen: &str) -> (Result<Server, ServerError>, String) {
    let mut auth = AuthTable::default();
    let token = auth.issue("test", Actor { role: Role::Viewer, tenant: None }).unwrap();
    let host = setup(Box::new(MemoryStore::default()), 3);
    (Server::start(ServerSetup { listen: listen.parse().unwrap(), auth, host }), token)
}

type Socket = WebSocket<tungstenite::stream::MaybeTlsStream<std::net::TcpStream>>;

fn connect(address: SocketAddr, query: &str, origin: Option<&str>) -> Result<Socket, u16> {
    let url = format!("ws://{address}/api/v1/live{query}");
    let mut request = url.into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match tungstenite::connect(request) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_viewer_is_greeted_and_shown_the_vans() {
    let (server, token) = start("127.0.0.1:0");
    let server = server.unwrap();
    let address = server.address();
    assert_eq!(connect(address, "", None).err(), Some(401));
    assert_eq!(connect(address, "?token=no", None).err(), Some(401));
    let query = format!("?token={token}");
    assert_eq!(connect(address, &query, Some("https://evil.example")).err(), Some(403));
    let own = format!("http://{address}");
    let mut socket = connect(address, &query, Some(&own)).unwrap();
    let tungstenite::stream::MaybeTlsStream::Plain(stream) = socket.get_ref() else {
        panic!("no TLS was asked for")
    };
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();

    let text =
        |message: Message| -> Value { serde_json::from_str(message.to_text().unwrap()).unwrap() };
    let hello = text(socket.read().unwrap());
    assert_eq!((&hello["type"], &hello["speed"]), (&"hello".into(), &0.0.into()));
    let subscribe = r#"{"type":"subscribe","bbox":[7.3,43.6,7.5,43.8],"zoom":14}"#;
    socket.send(Message::text(subscribe)).unwrap();
    let mut kpi = None;
    let frames = loop {
        match socket.read().unwrap() {
            Message::Binary(frames) => break frames,
            message => kpi = kpi.or(Some(text(message)).filter(|m| m["type"] == "kpi")),
        }
    };
    assert_eq!(kpi.unwrap()["vans_total"], 3);
    assert_eq!(frames[0..4], [1, 1, 12, 0]);
    assert_eq!(u16::from_le_bytes([frames[20], frames[21]]), 3);
    socket.send(Message::text("nonsense")).unwrap();
    let end = std::iter::from_fn(|| Some(socket.read())).find(Result::is_err);
    assert!(end.is_some(), "a viewer that breaks the rules is let go");
    server.stop().unwrap();
}

#[test]
fn a_port_in_use_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (server, _) = start(&taken.local_addr().unwrap().to_string());
    let error = server.err().unwrap();
    assert!(error.to_string().starts_with("cannot listen on 127.0.0.1:"), "{error}");
    assert!(error.hint().contains("--listen"));
}
