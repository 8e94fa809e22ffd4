// The few lines of RFC 6455 that the mock needs: accept, send text and binary, read short texts.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Completes the handshake on `socket`; `onText` gets every text message, `onClose` the end. */
export function acceptWebSocket(request, socket, { onText, onClose }) {
  const key = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const frame = readFrame(pending);
      if (!frame) return;
      pending = pending.subarray(frame.size);
      if (frame.opcode === 8) socket.end();
      else if (frame.opcode === 1) onText(frame.payload.toString());
      else if (frame.opcode === 9) send(socket, 10, frame.payload);
    }
  });
  socket.on('close', onClose);
  socket.on('error', () => socket.destroy());
  return {
    text: (value) => send(socket, 1, Buffer.from(JSON.stringify(value))),
    binary: (bytes) => send(socket, 2, bytes),
    close: () => socket.destroy(),
  };
}

function readFrame(buffer) {
  if (buffer.length < 6) return null;
  let size = buffer[1] & 127;
  let at = 2;
  if (size === 126) {
    size = buffer.readUInt16BE(2);
    at = 4;
  } else if (size === 127) return null;
  if (buffer.length < at + 4 + size) return null;
  const mask = buffer.subarray(at, at + 4);
  const payload = Buffer.from(buffer.subarray(at + 4, at + 4 + size));
  for (let i = 0; i < payload.length; i++) payload[i] ^= mask[i & 3];
  return { opcode: buffer[0] & 15, payload, size: at + 4 + size };
}

function send(socket, opcode, payload) {
  if (socket.destroyed) return;
  const n = payload.length;
  const head = n < 126 ? Buffer.from([128 | opcode, n]) : Buffer.alloc(n < 65536 ? 4 : 10);
  if (n >= 126) {
    head[0] = 128 | opcode;
    head[1] = n < 65536 ? 126 : 127;
    if (n < 65536) head.writeUInt16BE(n, 2);
    else head.writeBigUInt64BE(BigInt(n), 2);
  }
  socket.write(Buffer.concat([head, payload]));
}
