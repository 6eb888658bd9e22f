// Brings nhsuk-frontend's components to life: menus, error summaries, tabs.
import { initAll } from '../nhsuk/nhsuk-frontend.min.js'

initAll()
