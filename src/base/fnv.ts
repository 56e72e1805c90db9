export const FNV_START = 0x811c9dc5

/** 32 bits of FNV-1a over a text, going on from `hash`: quick, and no secret. */
export const fnv1a = (text: string, hash = FNV_START): number => {
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
