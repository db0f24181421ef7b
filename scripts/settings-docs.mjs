// Writes docs/settings.md from the declarations in src/config. Run it with `npm run docs:settings`.
import { mkdir, writeFile } from 'node:fs/promises';
import { settingsDocument } from '../dist/config/reference.js';

const docs = new URL('../docs/', import.meta.url);
await mkdir(docs, { recursive: true });
await writeFile(new URL('settings.md', docs), settingsDocument());
