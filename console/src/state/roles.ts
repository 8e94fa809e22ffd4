/** What each role may do. The server decides; the console only hides what it would refuse. */
import type { Role } from '../api/types';

export type Deed =
  | 'see_vans' | 'see_tickets' | 'see_roads' | 'place_order' | 'change_order' | 'run_vans' | 'answer_ticket' | 'close_road'
  | 'set_speed' | 'make_fault';

const ALLOWED: Record<Role, readonly Deed[]> = {
  tenant: ['place_order', 'change_order'],
  viewer: ['see_vans', 'see_tickets', 'see_roads'],
  operator: [
    'see_vans', 'see_tickets', 'see_roads', 'place_order', 'change_order', 'run_vans', 'answer_ticket',
    'close_road',
  ],
  admin: [
    'see_vans', 'see_tickets', 'see_roads', 'place_order', 'change_order', 'run_vans', 'answer_ticket',
    'close_road', 'set_speed', 'make_fault',
  ],
};

export function may(role: Role, deed: Deed): boolean {
  return ALLOWED[role].includes(deed);
}
