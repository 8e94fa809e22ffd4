/** The access token: taken from the address once, then kept for this browser tab only. */

const KEY = 'robovan.token';

/** Reads the token from `#token=...` (and removes it from the address) or from the tab's storage. */
export function takeToken(): string {
  const fromHash = tokenInHash(location.hash);
  if (fromHash) {
    keepToken(fromHash);
    history.replaceState(null, '', location.pathname + location.search);
    return fromHash;
  }
  return sessionStorage.getItem(KEY) ?? '';
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}

/** The token in a pasted address, in its hash alone, or the text itself. */
export function tokenInText(text: string): string {
  const trimmed = text.trim();
  const at = trimmed.indexOf('#');
  return (at >= 0 ? tokenInHash(trimmed.slice(at)) : trimmed.replace(/^token=/, '')) || '';
}

export function tokenInHash(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? '';
}
