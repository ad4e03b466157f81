/** The texts that a person types, one a line, and those to begin with. */

/** Four subjects in no order: what belongs together shows only once the meaning is computed. */
export const SAMPLE: readonly string[] = [
  "A cat is sleeping on the warm windowsill.",
  "The central bank raised interest rates again.",
  "Simmer the tomatoes with garlic and olive oil.",
  "A rover is driving across the surface of Mars.",
  "The kitten is curled up beside our dog.",
  "Bake the bread with olive oil and garlic.",
  "The spacecraft touched down on the moon.",
  "Rising interest rates make mortgages unaffordable.",
  "Season the tomato soup with salt and basil.",
  "The puppy chases the cat around the house.",
  "Astronauts will one day fly to Mars and the moon.",
  "Inflation is eating up what households save.",
];

/** A question that shares no word with the sentence that answers it. */
export const SAMPLE_QUERY = "money is getting tight for families";

/** The texts in a field of text: its lines, without blank ones. */
export function linesOf(field: string): string[] {
  return field
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
