/**
 * Whether kills at each step of a run are tested at every step, as `npm run soak` does. `npm test` takes some of them, since
 * each costs a process.
 */
export const wholeMatrix = process.env.MENAGERIE_TEST_WHOLE_MATRIX !== undefined;
