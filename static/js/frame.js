// What every page has.

import { startMenus } from "./menus.js";
import { startTheme } from "./theme.js";
import { startToasts } from "./toasts.js";

startMenus();
startTheme();
startToasts();
