// What every page has.

import { startMenus } from "./menus.js";
import { startPictures } from "./pictures.js";
import { startTheme } from "./theme.js";
import { startToasts } from "./toasts.js";

startMenus();
startPictures();
startTheme();
startToasts();
