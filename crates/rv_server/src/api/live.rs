//! The WebSocket of the live stream.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::Shared;
use super::error::ApiError;
use crate::host::HostError;
use crate::live::{Bbox, Subscription, Tick, Viewer};

/// Most viewers at once.
const VIEWERS_MAX: usize = 500;
/// Longest message of a viewer, bytes.
const MESSAGE_MAX: usize = 4096;
/// A viewer that takes nothing for so long is let go.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// What a viewer says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Ask {
    Subscribe {
        /// West, south, east, north, degrees.
        bbox: [f64; 4],
    },
}

/// The live stream: upgrades to a WebSocket. docs/api.md describes its messages.
#[utoipa::path(get, path = "/api/v1/live", tag = "fleet",
    params(("token" = Option<String>, Query, description = "In place of the header")),
    responses((status = 101, description = "The stream")))]
pub(super) async fn connect(
    State(state): State<Shared>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| {
        let hint = "open it as a WebSocket";
        ApiError::bad("not_a_websocket", "this path is a WebSocket", hint)
    })?;
    if state.app.live.n_viewers() >= VIEWERS_MAX {
        return Err(HostError::Busy.into());
    }
    let clock = state.app.host.read(|reader| reader.clock).await?;
    let live = state.app.live.clone();
    let upgrade = upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX);
    Ok(upgrade.on_upgrade(async move |mut socket| {
        let hello = Message::Text(Viewer::hello(clock).into());
        if send(&mut socket, hello).await.is_ok() {
            serve(socket, &live).await;
        }
    }))
}

async fn serve(mut socket: WebSocket, live: &Subscription) {
    let mut rounds = live.receive();
    let mut viewer = Viewer::default();
    loop {
        let result = tokio::select! {
            round = rounds.recv() => match round {
                Ok(tick) => send_round(&mut socket, &mut viewer, &tick).await,
                Err(RecvError::Lagged(_)) => {
                    viewer.forget();
                    let lagged = Utf8Bytes::from_static("{\"type\":\"lagged\"}");
                    send(&mut socket, Message::Text(lagged)).await
                }
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => hear(&mut viewer, &text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => Err(Gone),
            },
        };
        if result.is_err() {
            return;
        }
    }
}

/// The viewer went away or broke the rules.
struct Gone;

fn hear(viewer: &mut Viewer, text: &str) -> Result<(), Gone> {
    let Ask::Subscribe { bbox } = serde_json::from_str(text).map_err(|_| Gone)?;
    let [west_deg, south_deg, east_deg, north_deg] = bbox;
    let bbox = Bbox { west_deg, south_deg, east_deg, north_deg };
    if !bbox.is_valid() {
        return Err(Gone);
    }
    viewer.look_at(bbox);
    Ok(())
}

async fn send_round(socket: &mut WebSocket, viewer: &mut Viewer, tick: &Tick) -> Result<(), Gone> {
    for text in &tick.texts {
        send(socket, Message::Text(text.clone())).await?;
    }
    for frames in viewer.messages(tick) {
        send(socket, Message::Binary(frames)).await?;
    }
    Ok(())
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}
