/** How many of the attention's scores exist at once: of 5,000 nodes and 16 heads all would be 1.6 GB. */
export const MAX_SCORES = 16 * 2 ** 20;
