import { useEffect, useRef } from 'react';
import { may, type Deed } from '../state/roles';
import { useDesk, usePart } from '../state/store';
import { IconButton } from './bits';

const KEYS: readonly (readonly [string, string, Deed?])[] = [
  ['?', 'This help'],
  ['/', 'Search orders'],
  ['1 … 4', 'Orders, vans, tickets, roads'],
  ['n', 'Place an order: click the map, or Enter for its middle', 'place_order'],
  ['c', 'Close a road: click it, or Enter for the middle', 'close_road'],
  ['z', 'Show permit zones', 'see_roads'],
  ['f', 'Follow the selected van', 'see_vans'],
  ['space', 'Pause or run the simulation', 'set_speed'],
  ['[ ]', 'Slower, faster', 'set_speed'],
  ['m', 'Focus the map: arrow keys move it, + and − zoom'],
  ['h', 'Whole city'],
  ['t', 'Dark or light'],
  ['\\', 'Show or hide the lists'],
  ['Esc', 'Leave a mode, close a panel'],
];

export function Help() {
  const { store } = useDesk();
  const isOpen = usePart((s) => s.is_help_open);
  const role = usePart((s) => s.session.role);
  const dialog = useRef<HTMLDialogElement>(null);
  const close = () => store.dispatch({ type: 'help', is_open: false });
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} className="help" aria-labelledby="help-title" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <header className="card-title">
        <h2 id="help-title">Keys</h2>
        <IconButton icon="close" label="Close help" onClick={close} />
      </header>
      <dl className="keys">
        {KEYS.filter(([, , deed]) => !deed || may(role, deed)).map(([keys, text]) => (
          <div key={keys}>
            <dt>{keys.split(' ').map((k) => (k === '…' ? '…' : <kbd key={k}>{k}</kbd>))}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p className="muted">On the map a van&rsquo;s colour is its state, the ring its battery; a pulse asks for help.</p>
    </dialog>
  );
}
