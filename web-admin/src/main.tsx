import { render } from 'preact'
import { App } from './app.tsx'
import './style/tokens.css'
import './style/base.css'
import './style/parts.css'
import './style/shell.css'
import './style/pages.css'
import './style/ladder.css'
import './style/configuration.css'
import { startTheme } from './theme.ts'

startTheme()
render(<App />, document.getElementById('app')!)
