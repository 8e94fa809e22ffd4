/** Line icons on a 20 x 20 grid. */
const PATHS = {
  close: 'M5 5l10 10M15 5L5 15',
  search: 'M9 3.500a5.500 5.500 0 110 11 5.500 5.500 0 010-11zM13.200 13.200L17 17',
  pause: 'M7 4.500v11M13 4.500v11',
  play: 'M6 4l10 6-10 6z',
  plus: 'M10 4v12M4 10h12',
  minus: 'M4 10h12',
  left: 'M12 5l-5 5 5 5',
  right: 'M8 5l5 5-5 5',
  box: 'M3.500 6.500L10 3l6.500 3.500v7L10 17l-6.500-3.500zM3.500 6.500L10 10l6.500-3.500M10 10v7',
  barrier: 'M3 7h14v5H3zM5.500 12v4.500M14.500 12v4.500M6 12l3-5M11 12l3-5',
  home: 'M3.500 9.500V4h5M16.500 10.500V16h-5M3.500 4l5 5M16.500 16l-5-5',
  zone: 'M10 3l6.500 4v6L10 17l-6.500-4V7z',
  sun: 'M10 6.500a3.500 3.500 0 110 7 3.500 3.500 0 010-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100',
  moon: 'M16 12.200A6.500 6.500 0 017.800 4a6.500 6.500 0 108.200 8.200z',
  help: 'M7.500 7.500a2.500 2.500 0 113.600 2.300c-.8.400-1.100.9-1.100 1.700M10 14.500v.1',
  exit: 'M8 4H4v12h4M8.500 10H17M14 7l3 3-3 3',
  panel: 'M3.500 4h13v12h-13zM8 4v12',
  follow: 'M10 6.500a3.500 3.500 0 110 7 3.500 3.500 0 010-7zM10 2.500v4M10 13.500v4M2.500 10h4M13.500 10h4',
  bolt: 'M11 2.500L5 11h4l-.8 6.500L15 8.500h-4.200z',
  warn: 'M10 3l7.500 13.500h-15zM10 8v4M10 14.200v.1',
  done: 'M4 10.500l4 4 8-9',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: a van from above. */
export function Mark() {
  return (
    <svg className="mark" width="18" height="22" viewBox="0 0 18 22" aria-hidden="true">
      <rect x="1" y="0" width="16" height="22" rx="5" fill="var(--teal)" />
      <path d="M4 6.500c3-2.200 7-2.200 10 0l-1 3.200c-2.500-1.100-5.500-1.100-8 0z" fill="var(--paper)" />
    </svg>
  );
}
