import { STATUS_CODES } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { z } from 'zod';
import {
  type DocumentedResponse,
  type EmptyResponse,
  problemResponse,
  retryAfter,
  unavailable,
} from './answers/responses.js';
import { nameSchemasOnce } from './openapi-schemas.js';
import { isOpen } from './plugins/authentication.js';

/** The answers that a route documents, by status. */
type Responses = Record<string, DocumentedResponse | EmptyResponse | z.ZodType>;

function mapValues<From, To>(object: Readonly<Record<string, From>>, map: (value: From, key: string) => To) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]));
}

/** An answer that this many operations share becomes a component of the document. */
const SHARED_BY = 4;

/** Headers of every answer. */
const commonHeaders = z.object({
  'x-request-id': z.string().describe('The request’s id. If the client sent one, it is the client’s.'),
});

/** Returns the answers that any route may give. Probes need no key and are never refused. */
function commonResponses(url: string): Responses {
  return {
    400: problemResponse('The path is badly encoded, or the host is missing'),
    ...(url.includes(':') && {
      414: problemResponse('A part of the path is too long'),
    }),
    ...(!isOpen(url) && {
      422: problemResponse('The query does not validate'),
      503: unavailable('The service is overloaded'),
      401: problemResponse('The service needs a key', z.object({ 'www-authenticate': z.string() })),
      429: problemResponse('Too many requests from this key or address', retryAfter),
    }),
    431: problemResponse('The path and the headers are too long'),
    500: problemResponse('The service failed'),
  };
}

/**
 * Returns headers in the form of the document. `required` belongs beside a header's schema, and `transformObject` moves
 * it there.
 */
function headersOf(own: z.ZodObject | undefined): Record<string, object> {
  const { properties, required } = z.toJSONSchema(commonHeaders.extend(own?.shape ?? {}));
  return mapValues(properties as Record<string, object>, (schema, name) => ({
    ...schema,
    required: required?.includes(name) ?? false,
  }));
}

/** Describes answers without a body in the form that fastify-type-provider-zod expects. */
const withBody = (response: Responses[string]) =>
  response instanceof z.ZodType || 'content' in response ? response : z.undefined();

/** Names the wildcard of a path. The router calls it `*`, but in the document it is a parameter like any other. */
function nameRest(params: object, url: string): object {
  const { properties, ...rest } = params as { properties?: Record<string, unknown> };
  if (!url.endsWith('/*') || !properties) return params;
  const { '*': name, ...others } = properties;
  return { ...rest, properties: { ...others, name }, required: [...Object.keys(others), 'name'] };
}

/** Returns a route's schemas in the form of the document, with the answers and headers that every route has. */
export const transform: typeof jsonSchemaTransform = (route) => {
  if (!route.schema || route.schema.hide) return jsonSchemaTransform(route);
  const documented = { ...commonResponses(route.url), ...(route.schema.response as Responses) };
  const { schema, url } = jsonSchemaTransform({
    ...route,
    schema: { ...route.schema, response: mapValues(documented, withBody) },
  });
  const response = mapValues(schema.response as Record<string, object>, (shown, status) => {
    const { description, headers } = documented[status] as EmptyResponse;
    return { ...shown, description, headers: headersOf(headers) };
  });
  return {
    schema: {
      ...schema,
      response,
      ...(schema.params !== undefined && { params: nameRest(schema.params as object, url) }),
      ...(isOpen(url) && { security: [] }),
    },
    url: url.replace('/*', '/:name'),
  };
};

/**
 * Describes a tuple of one type as an array of fixed length, which every tool understands. Many do not understand
 * `prefixItems`, which came with JSON Schema in OpenAPI 3.1.
 */
function withoutTuples(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTuples);
  if (typeof value !== 'object' || value === null) return value;
  const { prefixItems, ...object } = mapValues(value as Record<string, unknown>, withoutTuples);
  if (!Array.isArray(prefixItems)) return object;
  const [first, ...others] = prefixItems;
  const isOfOneType = object.items === false && others.every((other) => isDeepStrictEqual(other, first));
  return isOfOneType ? { ...object, items: first } : { ...object, prefixItems };
}

/** Completes the document that @fastify/swagger makes of the routes. */
export const transformObject: typeof jsonSchemaTransformObject = (made) => {
  const document = jsonSchemaTransformObject(made) as OpenAPIV3_1.Document;
  for (const item of Object.values(document.paths!)) {
    for (const method of ['get', 'head', 'post', 'delete'] as const) {
      const operation = item?.[method];
      if (operation) item[method] = method === 'head' ? headOf(operation) : withHeaders(operation);
    }
  }
  shareResponses(document);
  const { schemas, ...components } = document.components!;
  const named = nameSchemasOnce(schemas!, { ...document, components });
  const whole = { ...named.rest, components: { ...named.rest.components, schemas: named.schemas } };
  showExamples(whole as OpenAPIV3_1.Document);
  return withoutTuples(whole) as ReturnType<typeof jsonSchemaTransformObject>;
};

/** Moves a request's examples from its schema to the place beside it. */
function showExamples({ paths, components }: OpenAPIV3_1.Document): void {
  for (const item of Object.values(paths!)) {
    const body = item?.post?.requestBody as OpenAPIV3_1.RequestBodyObject | undefined;
    for (const content of Object.values(body?.content ?? {})) {
      const given = content.schema as { $ref?: string; anyOf?: readonly { $ref?: string }[] } | undefined;
      const reference = given?.$ref ?? given?.anyOf?.[0]?.$ref;
      const schema = components!.schemas![reference?.split('/').at(-1) ?? ''] as Record<string, unknown>;
      if (schema?.['x-examples']) content.examples = schema['x-examples'] as typeof content.examples;
      delete schema?.['x-examples'];
    }
  }
}

/** Describes answers that many operations share once. */
function shareResponses(document: OpenAPIV3_1.Document): void {
  const operations = Object.values(document.paths!)
    .flatMap((item) => [item?.get, item?.head, item?.post, item?.delete])
    .filter((operation) => operation !== undefined);
  const counts = new Map<string, number>();
  for (const { responses } of operations) {
    for (const [status, response] of Object.entries(responses!)) {
      const key = status + JSON.stringify(response);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const shared: Record<string, OpenAPIV3_1.ResponseObject> = {};
  for (const operation of operations) {
    operation.responses = mapValues(operation.responses!, (response, status) => {
      if (counts.get(status + JSON.stringify(response))! < SHARED_BY) return response;
      const name = STATUS_CODES[status]!.replaceAll(/\W/g, '');
      shared[name] ??= response as OpenAPIV3_1.ResponseObject;
      return isDeepStrictEqual(shared[name], response)
        ? { $ref: `#/components/responses/${name}` }
        : response;
    });
  }
  document.components!.responses = shared;
}

/** Corrects the headers of answers: @fastify/swagger puts everything about a header into its schema. */
function withHeaders<Operation extends OpenAPIV3_1.OperationObject>(operation: Operation): Operation {
  const responses = mapValues(operation.responses ?? {}, (response) => {
    const { headers = {}, ...rest } = response as OpenAPIV3_1.ResponseObject;
    return { ...rest, headers: mapValues(headers, headerOf) };
  });
  return { ...operation, responses };
}

function headerOf(made: OpenAPIV3_1.HeaderObject | OpenAPIV3_1.ReferenceObject) {
  const { schema, ...header } = made as OpenAPIV3_1.HeaderObject;
  const { required, ...rest } = schema as { required?: unknown };
  return { ...header, ...(required === true && { required }), schema: rest };
}

/**
 * Makes the HEAD operation of a route from its GET operation: it needs a separate id, and has no links because there is
 * no body.
 */
function headOf<Operation extends OpenAPIV3_1.OperationObject>(operation: Operation): Operation {
  const responses = mapValues(withHeaders(operation).responses!, (response) => {
    const { links: _, ...rest } = response as OpenAPIV3_1.ResponseObject;
    return rest;
  });
  const description = 'The headers of GET, without the body.';
  return { ...operation, operationId: `${operation.operationId}Head`, description, responses };
}
