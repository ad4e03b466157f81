/** How a model is named. */

/** Whether a model is given by its place: as core tells a path from a name, or by a URL. */
export function isPlace(model: string): boolean {
  return /^([./~]|(https?|file):)/i.test(model);
}
