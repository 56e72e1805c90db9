/** From the one who may least to the one who may most; each may what those before may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const
/** `viewer` looks; `operator` runs the edge: reload, drain, certificates, configuration; `admin` decides who may what. */
export type Role = (typeof ROLES)[number]

export const mayAs = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed)

/** The smaller of two. */
export const atMost = (role: Role, limit: Role): Role => (mayAs(limit, role) ? role : limit)
