/** Holds the state outside React, so that a change re-renders only what reads it. */
import { createContext, useContext, useSyncExternalStore } from 'react';
import { ApiError, type Client } from '../api/client';
import type { Live } from '../api/live';
import type { Fleet } from './fleet';
import { reduce, type Action, type State } from './state';

export class Store {
  private listeners = new Set<() => void>();

  constructor(private state: State) {}

  get = (): State => this.state;

  dispatch = (action: Action): void => {
    const next = reduce(this.state, action);
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.listeners) listener();
  };

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

/** What every part of the console can reach. */
export interface Desk {
  store: Store;
  token: string;
  client: Client;
  live: Live;
  fleet: Fleet;
  signOut: () => void;
}

export const DeskContext = createContext<Desk | undefined>(undefined);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error('the console is rendered inside DeskContext');
  return desk;
}

/** A part of the state; `pick` must return the same object while that part is unchanged. */
export function usePart<X>(pick: (state: State) => X): X {
  const { store } = useDesk();
  return useSyncExternalStore(store.subscribe, () => pick(store.get()));
}

/** Runs a call to the server and shows its error, with the hint, until it is dismissed. */
export async function attempt<X>(store: Store, call: () => Promise<X>): Promise<X | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ApiError) {
      store.dispatch({ type: 'toast', level: 'error', text: error.message, hint: error.hint });
    } else {
      store.dispatch({ type: 'toast', level: 'error', text: String(error), hint: 'Reload the page if it stays.' });
    }
    return undefined;
  }
}
