// Writes docs/openapi.json from the routes in src/rest. Run it with `npm run docs:openapi`.
import { readFile, writeFile } from 'node:fs/promises';
import { openApiDocument } from '../dist/rest/openapi.js';
import { ROUTES } from '../dist/rest/routes.js';

const root = new URL('../', import.meta.url);
const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
const document = JSON.stringify(openApiDocument(ROUTES, version), null, 2);
await writeFile(new URL('docs/openapi.json', root), `${document}\n`);
