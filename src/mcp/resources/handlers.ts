import { ResourceNotFoundError, type Server } from '@modelcontextprotocol/server';
import { quoted } from '../../domain/errors.ts';
import { withProtocolErrors } from '../answer/protocol-errors.ts';
import type { RunCall } from '../calls/run-call.ts';
import { listParams, serveRequest, uriParams } from '../serve-request.ts';
import type { Context } from '../tool.ts';
import { RESOURCES } from './index.ts';
import { listedSession } from './session.ts';

/** Registers the listing and reading of resources. */
export function serveResources(server: Server, context: Context, run: RunCall): void {
  serveRequest(server, 'resources/list', listParams, ({ cursor }, call) => {
    const list = async () => {
      const page = await context.sessions.list(context.caller, {
        order_by: 'updated_at',
        order: 'desc',
        deleted: 'exclude',
        cursor,
      });
      return {
        resources: page.records.map(listedSession),
        ...(page.next_cursor !== undefined && { nextCursor: page.next_cursor }),
      };
    };
    return run({ method: 'resources/list' }, call, list);
  });

  serveRequest(server, 'resources/templates/list', listParams, () => ({
    resourceTemplates: RESOURCES.map(({ name, title, description, uriTemplate, mimeType }) => ({
      name,
      title,
      description,
      uriTemplate,
      mimeType,
    })),
  }));

  serveRequest(server, 'resources/read', uriParams, ({ uri }, call) => {
    const read = async () => {
      for (const kind of RESOURCES) {
        const name = kind.match(uri);
        if (name === undefined) continue;
        const text = await kind.read(name, context);
        return { contents: [{ uri, mimeType: kind.mimeType, text }] };
      }
      throw new ResourceNotFoundError(
        uri,
        `There is no resource ${quoted(uri)}. resources/list shows what there is; identifiers are percent-encoded.`,
      );
    };
    return withProtocolErrors(run({ method: 'resources/read' }, call, read), uri);
  });
}
