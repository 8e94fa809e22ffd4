import { useState, type SubmitEvent } from 'react';
import { tokenInText } from '../api/token';
import { Mark } from './Icon';

interface Props {
  problem?: string;
  hint?: string;
  onToken: (token: string) => void;
}

export function Login({ problem, hint, onToken }: Props) {
  const [given, setGiven] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const token = tokenInText(given);
    if (token) onToken(token);
  };
  return (
    <main className="gate">
      <form className="gate-card" onSubmit={submit}>
        <h1 className="brand">
          <Mark /> robovan
        </h1>
        <p className="muted">Paste the access token, or the whole line that <code>robovan up</code> printed.</p>
        {problem && (
          <p className="note is-bad" role="alert">
            {problem}
            {hint && <span className="hint">{hint}</span>}
          </p>
        )}
        <label className="field">
          <span>Access token</span>
          <input
            type="password" name="token" autoComplete="off" spellCheck={false} required autoFocus
            value={given} onChange={(event) => setGiven(event.target.value)}
          />
        </label>
        <button type="submit" className="button is-main">Open the console</button>
      </form>
    </main>
  );
}
