import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { OpenAPIV3_1 } from 'openapi-types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, post } from '../../../helpers/http.js';
import { startService, type TestService } from '../../../helpers/service.js';

const document = JSON.parse(
  readFileSync(new URL('../../../../openapi/openapi.json', import.meta.url), 'utf8'),
) as OpenAPIV3_1.Document;

const operations = Object.entries(document.paths!).flatMap(([path, item]) =>
  (['get', 'head', 'post', 'delete'] as const).flatMap((method) => {
    const operation = item![method];
    return operation ? [{ path, method, operation }] : [];
  }),
);

const resolved = (response: OpenAPIV3_1.ResponseObject | OpenAPIV3_1.ReferenceObject) =>
  '$ref' in response
    ? (document.components!.responses![response.$ref.split('/').at(-1)!] as OpenAPIV3_1.ResponseObject)
    : response;

describe('the OpenAPI document', () => {
  it('is valid', async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as Record<string, unknown>,
    );
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('gives every operation a unique name', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('documents the id of every answer, and that every refusal is a problem', () => {
    for (const { path, method, operation } of operations) {
      for (const [status, response] of Object.entries(operation.responses!)) {
        const { headers, content } = resolved(response);
        const where = `${method} ${path} ${status}`;
        expect(headers!['x-request-id'], where).toMatchObject({ required: true });
        if (Number(status) >= 400) expect(Object.keys(content!), where).toEqual(['application/problem+json']);
      }
    }
  });

  it('has links to existing operations, with the parameters that they need', () => {
    const links = operations.flatMap(({ operation }) =>
      Object.values(operation.responses!).flatMap((response) =>
        Object.values(resolved(response).links ?? {}),
      ),
    ) as OpenAPIV3_1.LinkObject[];
    expect(links.length).toBeGreaterThan(10);
    for (const { operationId, parameters } of links) {
      const target = operations.find(({ operation }) => operation.operationId === operationId);
      const wanted = [...target!.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(Object.keys(parameters!), operationId).toEqual(wanted);
    }
  });
});

describe('the page at /docs', () => {
  it('has the project’s icon', async () => {
    const service = await startService();
    try {
      const page = await (await fetch(`${service.url}/docs`)).text();
      const icon = /<link rel="icon"[^>]*href="([^"]+)"/.exec(page)?.[1];
      const answer = await fetch(new URL(icon!, `${service.url}/docs`));
      expect(answer.headers.get('content-type')).toContain('image/svg+xml');
      expect(await answer.text()).toBe(
        readFileSync(new URL('../../../../web/public/icon.svg', import.meta.url), 'utf8'),
      );
    } finally {
      await service.stop();
    }
  });
});

describe('its examples of POST /predict', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.stop());

  const { requestBody } = document.paths!['/predict']!.post!;
  const { examples } = (requestBody as OpenAPIV3_1.RequestBodyObject).content['application/json']!;
  const bodies = Object.entries(examples as Record<string, { value: unknown }>);

  it.each(bodies)('%s is answered with weights', async (_, { value }) => {
    expect((await bytesOf(await post(service.url, value))).length).toBeGreaterThan(100);
  });
});
