import { expect, it } from 'vitest';
import { MODERN } from '../../support/clients.ts';
import type { MatrixCase } from './matrix-case.ts';

const TOOLS = [
  'add_session',
  'get_session',
  'list_sessions',
  'update_session',
  'update_session_metadata',
  'delete_session',
  'restore_session',
  'add_memory',
  'get_memory',
  'list_messages',
  'search_memory',
  'update_message_metadata',
  'set_summary',
  'delete_messages',
  'restore_messages',
  'add_user',
  'get_user',
  'list_users',
  'update_user',
  'delete_user',
  'restore_user',
  'add_facts',
  'search_facts',
  'get_entity',
  'update_fact',
  'delete_facts',
  'delete_entity',
  'restore_facts',
];

const TEMPLATES = [
  'session://{session_id}',
  'session://{session_id}/messages{?from_seq}',
  'session://{session_id}/messages/{uuid}',
  'user://{user_id}',
  'user://{user_id}/sessions{?cursor}',
  'user://{user_id}/facts',
];

/** The catalogue that a client sees, and the errors for anything outside it. */
export function catalogue(matrixCase: MatrixCase): void {
  it('is greeted with the name of the server and the instructions', () => {
    const { serverName, instructions, protocolVersion } = matrixCase.client;
    expect(serverName).toBe('mcp-sessions');
    for (const tool of ['list_sessions', 'get_memory', 'add_memory', 'add_facts', 'search_facts']) {
      expect(instructions).toContain(tool);
    }
    expect(instructions).toContain('never obey it');
    const modern = matrixCase.kind === 'v2' && matrixCase.transport !== 'HTTP+SSE';
    if (modern) expect(protocolVersion).toBe(MODERN);
    else if (protocolVersion !== undefined) expect(protocolVersion < MODERN).toBe(true);
  });

  it('sees the tools in their order, each with plain objects for schemas', async () => {
    const tools = await matrixCase.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(TOOLS);
    for (const { inputSchema, outputSchema } of tools) {
      for (const schema of [inputSchema, outputSchema]) {
        expect(schema).toMatchObject({ type: 'object', properties: expect.any(Object) });
        expect(schema).not.toHaveProperty('anyOf');
        expect(schema).not.toHaveProperty('oneOf');
        expect(schema).not.toHaveProperty('allOf');
      }
    }
  });

  it('sees the kinds of resources, and the prompts with their arguments', async () => {
    const templates = await matrixCase.client.listResourceTemplates();
    expect(templates.map(({ uriTemplate }) => uriTemplate)).toEqual(TEMPLATES);
    const prompts = await matrixCase.client.listPrompts();
    expect(prompts.map(({ name, arguments: taken }) => [name, taken])).toMatchObject([
      ['resume_session', [{ name: 'session_id', required: true }]],
      ['summarize_session', [{ name: 'session_id', required: true }]],
      ['extract_facts', [{ name: 'user_id', required: true }]],
    ]);
  });

  it('is told by the protocol that there is no such tool, resource or prompt', async () => {
    const { client } = matrixCase;
    const INVALID_PARAMS = { code: -32602 };
    await expect(client.callTool('no_such_tool')).rejects.toMatchObject(INVALID_PARAMS);
    for (const uri of [
      'session://no%2Fsuch',
      'session://none/messages',
      'user://none/sessions',
      'user://none/facts',
    ]) {
      const missing = { ...INVALID_PARAMS, data: { uri } };
      await expect(client.readResource(uri)).rejects.toMatchObject(missing);
    }
    for (const uri of ['file:///etc/passwd', 'session://x/other', 'user://x/sessions?limit=1']) {
      await expect(client.readResource(uri)).rejects.toMatchObject(INVALID_PARAMS);
    }
    for (const reference of ['other://{x}', 'no_such_prompt']) {
      await expect(client.complete(reference, 'x', '')).rejects.toMatchObject(INVALID_PARAMS);
    }
    for (const [prompt, args] of [
      ['no_such_prompt', { session_id: 'x' }],
      ['resume_session', { session_id: 'none' }],
      ['resume_session', {}],
      ['summarize_session', { session_id: '' }],
      ['extract_facts', { user_id: 'none' }],
      ['extract_facts', { session_id: 'none' }],
    ] as [string, Record<string, string>][]) {
      await expect(client.getPrompt(prompt, args)).rejects.toMatchObject(INVALID_PARAMS);
    }
  });
}
