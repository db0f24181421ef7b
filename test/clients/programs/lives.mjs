/**
 * Takes each identifier through its life. What comes out for one is where its way ends before that, or
 * null where it is as any other: added, found as the same record, and gone when it is deleted.
 */
export async function lives(ids, steps) {
  const outcomes = {};
  for (const [number, id] of ids.entries()) {
    outcomes[id] = null;
    for (const [name, step] of Object.entries(steps)) {
      try {
        if ((await step(id, number)) === true) continue;
        outcomes[id] = `${name}: another`;
      } catch (error) {
        outcomes[id] = `${name}: ${error.constructor.name}`;
      }
      break;
    }
  }
  return outcomes;
}

/** A step that has to be refused with NotFoundError. */
export const gone = (call) => async (id) => {
  try {
    await call(id);
    return false;
  } catch (error) {
    if (error.constructor.name === 'NotFoundError') return true;
    throw error;
  }
};

export const IDS = JSON.parse(process.env.IDS);
