import type { Candidates } from '../../search-port.ts';

/**
 * Candidates in the form in which they are sent between threads. Cloning hundreds of objects, each with the
 * names of its fields and with the identifiers of its session, takes three times as long.
 */
export type PackedCandidates = Omit<Candidates, 'candidates'> & {
  sessions: [session_id: string, session_uuid: string][];
  rows: PackedCandidate[];
};

type PackedCandidate = [
  ...[session: number, seq: number, role: string, created_at: number, length: number],
  ...matched: string[],
];

export function packCandidates({ candidates, ...rest }: Candidates): PackedCandidates {
  const sessions: PackedCandidates['sessions'] = [];
  const indexes = new Map<string, number>();
  const rows = candidates.map((candidate): PackedCandidate => {
    const { session_id, session_uuid, seq, role, created_at, length, matched } = candidate;
    let session = indexes.get(session_uuid);
    if (session === undefined) {
      session = sessions.push([session_id, session_uuid]) - 1;
      indexes.set(session_uuid, session);
    }
    return [session, seq, role, created_at, length, ...matched];
  });
  return { ...rest, sessions, rows };
}

export function unpackCandidates({ sessions, rows, ...rest }: PackedCandidates): Candidates {
  const candidates = rows.map(([session, seq, role, created_at, length, ...matched]) => {
    const [session_id, session_uuid] = sessions[session] as PackedCandidates['sessions'][number];
    return { session_id, session_uuid, seq, role, created_at, length, matched };
  });
  return { ...rest, candidates };
}
