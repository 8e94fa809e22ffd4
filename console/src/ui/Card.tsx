import { useEffect, useRef, type ReactNode } from 'react';
import { useDesk } from '../state/store';
import { IconButton } from './bits';

interface Props {
  title: string;
  under?: ReactNode;
  tools?: ReactNode;
  children: ReactNode;
}

/** The panel over the map for what is selected. It takes the focus when it opens. */
export function Card({ title, under, tools, children }: Props) {
  const { store } = useDesk();
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    head.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <aside className="card" aria-label={title} id="card">
      <header className="card-title">
        <div>
          <h2 ref={head} tabIndex={-1}>{title}</h2>
          {under && <p className="card-under">{under}</p>}
        </div>
        {tools}
        <IconButton icon="close" label="Close" keys="Escape" onClick={() => store.dispatch({ type: 'select', selection: undefined })} />
      </header>
      <div className="card-body">{children}</div>
    </aside>
  );
}
