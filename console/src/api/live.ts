/** The live stream: one WebSocket, kept open with growing pauses between tries. */
import { decodeFrames, type CellFrame } from './frame';
import { liveText } from './parse';
import type { LiveText } from './types';

export type Link = 'connecting' | 'open' | 'waiting';

export interface LiveHandlers {
  onLink(link: Link, retry_at_ms?: number): void;
  onText(message: LiveText): void;
  onFrames(frames: CellFrame[]): void;
  onBroken(reason: string): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** The server speaks once a second; this much silence means the link is dead. */
const SILENCE_MS = 20_000;

/** The pause before try number `attempt` (from 0): doubling, capped, with up to 30 % of jitter. */
export function pauseMs(attempt: number, random: () => number): number {
  const base = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
  return Math.round(base * (1 + 0.3 * random()));
}

export class Live {
  private socket: WebSocket | undefined;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private view: string | undefined;
  private isStopped = false;

  constructor(
    private readonly url: string,
    private readonly handlers: LiveHandlers,
  ) {}

  start(): void {
    this.isStopped = false;
    this.open();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    this.socket?.close();
    this.socket = undefined;
  }

  /** Tries at once instead of at the end of the pause. */
  retryNow(): void {
    if (this.socket || this.isStopped) return;
    clearTimeout(this.timer);
    this.open();
  }

  /** Says which part of the map is in view; sent again after each reconnect. */
  subscribe(bbox: [number, number, number, number], zoom: number): void {
    this.view = JSON.stringify({ type: 'subscribe', bbox, zoom: Math.round(zoom) });
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.view);
  }

  private open(): void {
    this.handlers.onLink('connecting');
    const socket = new WebSocket(this.url);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.guard();
    socket.onopen = () => {
      this.handlers.onLink('open');
      if (this.view) socket.send(this.view);
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      this.attempt = 0;
      this.guard();
      this.receive(event.data);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.again();
    };
  }

  private receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      try {
        this.handlers.onFrames(decodeFrames(data));
      } catch (error) {
        this.handlers.onBroken(error instanceof Error ? error.message : 'unreadable frame');
      }
    } else if (typeof data === 'string') {
      const message = liveText(data);
      if (message) this.handlers.onText(message);
    }
  }

  private guard(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      this.socket?.close();
      this.again();
    }, SILENCE_MS);
  }

  private again(): void {
    clearTimeout(this.watchdog);
    clearTimeout(this.timer);
    this.socket = undefined;
    if (this.isStopped) return;
    const pause = pauseMs(this.attempt, Math.random);
    this.attempt += 1;
    this.handlers.onLink('waiting', Date.now() + pause);
    this.timer = setTimeout(() => this.open(), pause);
  }
}
