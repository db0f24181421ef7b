import type { ResourceKind } from '../resource.ts';
import { sessionResource } from './session.ts';

/** Every kind of resource, in the order in which `resources/templates/list` shows them. */
export const RESOURCES: readonly ResourceKind[] = [sessionResource];
