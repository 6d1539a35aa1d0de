/**
 * Whether every case is tested, as `npm run soak` does: kills at each step of a run, each seeded edit. `npm test` takes some of them, since
 * each costs a process.
 */
export const wholeMatrix = process.env.MENAGERIE_TEST_WHOLE_MATRIX !== undefined;
