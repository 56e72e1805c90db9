/** Drawings of 20 by 20, in lines; each is a word for those who see it and nothing for those who do not. */
const PATHS = {
  overview: 'M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z',
  calls: 'M5 3h3l1.5 4-2 1.5a9 9 0 0 0 4 4l1.5-2 4 1.5v3c0 1-1 2-2 2C8.5 17 3 11.5 3 5c0-1 1-2 2-2z',
  zones: 'M10 3l7 3.5-7 3.5-7-3.500zM3 10l7 3.5 7-3.500M3 13.500L10 17l7-3.5',
  teams: 'M3 4.500h14v9h-7l-4 3.500v-3.500H3zM7 7.500h6M10 7.500v3.500',
  registrations: 'M8 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 17c0-3 2.5-5 5.5-5s5.5 2 5.5 5M13.5 8.500l1.5 1.5 3-3',
  phone: 'M3 12v-2a7 7 0 0 1 14 0v2M3 12h3v5H4a1 1 0 0 1-1-1zM17 12h-3v5h2a1 1 0 0 0 1-1z',
  subscribers:
    'M2.5 4.500h15v11h-15zM7 10.500a1.700 1.700 0 1 0 0-3.400 1.700 1.700 0 0 0 0 3.400zM4.500 13.500c.3-1.300 1.300-2 2.500-2s2.200.7 2.500 2M12.500 8.500h3M12.500 11.500h3',
  certificates: 'M10 12a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM7 11l-1 6.5 4-2 4 2-1-6.5',
  security: 'M10 2.500l6.5 2.500v4.500c0 4-2.7 6.7-6.5 8-3.8-1.3-6.5-4-6.5-8V5z',
  configuration: 'M3 6h7M14 6h3M3 14h3M10 14h7M12 6m-2 0a2 2 0 1 0 4 0 2 2 0 1 0-4 0M8 14m-2 0a2 2 0 1 0 4 0 2 2 0 1 0-4 0',
  log: 'M4 4.500h12M4 8.200h12M4 11.800h8M4 15.500h10',
  users:
    'M7.5 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.500c0-2.8 2.5-4.5 5.5-4.500s5.5 1.7 5.5 4.500M13 4a2.7 2.7 0 0 1 0 5.300M15 12.500c1.8.6 3 2 3 4',
  audit: 'M10 5.500V10l3 2M3.2 8A7 7 0 1 1 3 11M3 4v4h4',
  menu: 'M3 5.500h14M3 10h14M3 14.500h14',
  close: 'M5 5l10 10M15 5L5 15',
  search: 'M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.5 13.500L17 17',
  copy: 'M7 7h9v10H7zM13 7V3H4v10h3',
  download: 'M10 3v9M6 8.500l4 4 4-4M4 16.500h12',
  plus: 'M10 4v12M4 10h12',
  remove: 'M4 6h12M8 6V4h4v2M5.5 6l.8 11h7.400l.8-11M8.5 9v5M11.5 9v5',
  right: 'M8 5l5 5-5 5',
  down: 'M5 8l5 5 5-5',
  left: 'M12 5l-5 5 5 5',
  light:
    'M10 13.500a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.300l1.5 1.500M14.2 14.200l1.5 1.500M4.3 15.700l1.5-1.500M14.2 5.800l1.5-1.5',
  dark: 'M16.5 11.500A7 7 0 0 1 8.5 3.500a7 7 0 1 0 8 8z',
  system: 'M3 4h14v9H3zM7 17h6M10 13v4',
  again: 'M16.5 10a6.5 6.5 0 1 1-2-4.700M16.5 2.500v3.500H13',
  pause: 'M7 4v12M13 4v12',
  play: 'M6 4l10 6-10 6z',
  out: 'M8 3H4v14h4M12 6l4 4-4 4M16 10H8',
  key: 'M12.5 11a4 4 0 1 0-3.7-2.500L3 14.300V17h2.700v-2h2v-2h1.500l1.3-1.500a4 4 0 0 0 2-.5zM13.5 6.500h.01',
} as const

export type IconName = keyof typeof PATHS

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
)

/** Two ways over a border. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
    <rect class="mark-ground" width="32" height="32" rx="8" />
    <path class="mark-edge" d="M16 5v22" />
    <path class="mark-way" d="M7 12h17M20 8l4 4-4 4M25 20H8M12 16l-4 4 4 4" />
  </svg>
)
