import { useEffect } from 'react';
import type { Toast } from '../state/state';
import { useDesk, usePart } from '../state/store';
import { IconButton } from './bits';
import { Icon } from './Icon';

const DONE_MS = 6000;

/** Errors stay until they are dismissed; good news leaves by itself. */
export function Toasts() {
  const toasts = usePart((s) => s.toasts);
  return (
    <div className="toasts" aria-label="Messages">
      {toasts.map((toast) => <ToastLine key={toast.id} toast={toast} />)}
    </div>
  );
}

function ToastLine({ toast }: { toast: Toast }) {
  const { store } = useDesk();
  const { id, level, n } = toast;
  useEffect(() => {
    if (level !== 'done') return undefined;
    const timer = setTimeout(() => store.dispatch({ type: 'toast_gone', id }), DONE_MS);
    return () => clearTimeout(timer);
  }, [store, id, level, n]);
  return (
    <div className={`toast is-${level}`} role={level === 'error' ? 'alert' : 'status'}>
      <Icon name={level === 'error' ? 'warn' : 'done'} />
      <p>
        {toast.text}
        {n > 1 && <span className="muted"> ({n} times)</span>}
        {toast.hint && <span className="hint">{toast.hint}</span>}
      </p>
      <IconButton icon="close" label="Dismiss" onClick={() => store.dispatch({ type: 'toast_gone', id })} />
    </div>
  );
}
