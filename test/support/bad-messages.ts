/** JSON that is no message of JSON-RPC 2.0, with the id under which it is refused. */
export const BAD_MESSAGES: readonly [json: string, id: string | number | null][] = [
  ['{"id":70,"method":"ping"}', 70],
  ['{"jsonrpc":"1.0","id":"a","method":"ping"}', 'a'],
  ['{"jsonrpc":2,"id":71,"method":"ping"}', 71],
  ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', null],
  ['{"jsonrpc":"2.0","id":null,"method":"ping"}', null],
  ['{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}', null],
  ['{"jsonrpc":"2.0","id":[72],"method":"ping"}', null],
  ['{"jsonrpc":"2.0","id":true,"method":"ping"}', null],
  ['{"jsonrpc":"2.0","id":1e400,"method":"ping"}', null],
  ['{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', null],
  ['{"jsonrpc":"2.0","id":73}', 73],
  ['{"jsonrpc":"2.0","id":74,"method":null}', 74],
  ['{"jsonrpc":"2.0","id":75,"method":["ping"]}', 75],
  ['{"jsonrpc":"2.0","id":76,"method":"ping","params":[1]}', 76],
  ['{"jsonrpc":"2.0","id":77,"method":"ping","params":"x"}', 77],
  ['{"jsonrpc":"2.0","id":"b","method":"ping","params":null}', 'b'],
  ['{"jsonrpc":"2.0","id":78,"method":"ping","params":{"_meta":7}}', 78],
  ['{"jsonrpc":"2.0","id":79,"method":"ping","more":1}', 79],
  ['{"jsonrpc":"2.0","id":"","result":"x"}', ''],
  ['{"jsonrpc":"2.0","method":7}', null],
  ['{}', null],
  ['7', null],
  ['"ping"', null],
  ['null', null],
  ['true', null],
];

/** Lines that are no JSON. */
export const NO_JSON = [
  '{',
  '{"jsonrpc":"2.0","id":1,"method":"ping"',
  'ping',
  "{'id':1}",
  '[1,',
  '\0',
  '{}{}',
];
