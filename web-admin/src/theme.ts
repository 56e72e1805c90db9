/** Light, dark, or as the system has it. */
import { createStore } from './store.ts'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'edgeways-theme'

const kept = (): Theme => {
  try {
    const value = localStorage.getItem(KEY)
    return THEMES.find((theme) => theme === value) ?? 'system'
  } catch {
    // A browser that keeps nothing for pages
    return 'system'
  }
}

export const themeStore = createStore<Theme>(kept())

const show = (theme: Theme): void => {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export const startTheme = (): void => {
  show(themeStore.get())
}

export const setTheme = (theme: Theme): void => {
  themeStore.set(theme)
  show(theme)
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // As above: it holds until the page is left
  }
}
