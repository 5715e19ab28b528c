import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildArchitecture } from '../../src/architecture/graph.js';
import type { Graph } from '../../src/architecture/schema.js';
import { parameterCount, parameters } from '../../src/architecture/tensors.js';
import { listArchitectures, loadArchitecture, UnknownArchitectureError } from '../../src/architecture/zoo.js';
import { FIXTURE_NAMES, fixtureGraph, LIMITS } from './fixtures.js';

const NAMES = listArchitectures().map(({ name }) => name);

const TORCHVISION = FIXTURE_NAMES.filter((fixture) => !fixture.startsWith('gpt2'));

/**
 * Returns a sorted label for each node: all that a GHN reads of it, with its inputs by their labels. If two graphs have
 * the same labels, they have the same predictions, whatever the order and the names of the nodes.
 */
function labels({ nodes, edges }: Graph): string[] {
  const byId = new Map<string, string>();
  for (const { id, op, weight, bias, kernel, classifier } of nodes) {
    const inputs = edges.flatMap(([from, to]) => (to === id ? byId.get(from)! : [])).sort();
    const owned = [weight, bias].map((tensor) => tensor && [tensor.name, tensor.shape]);
    const label = JSON.stringify([op, owned, kernel, classifier ?? false, inputs]);
    byId.set(id, createHash('sha256').update(label).digest('hex'));
  }
  return [...byId.values()].sort();
}

describe('the zoo', () => {
  it('has the 74 networks whose norms the authors published', () => {
    const file = new URL('../../weights/published-norms.json', import.meta.url);
    const published = Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object);
    expect([...NAMES].sort()).toEqual(published.sort());
  });

  it('has a file for each of them, and no other file', () => {
    const files = readdirSync(new URL('../../zoo/', import.meta.url));
    expect(files.sort()).toEqual([...NAMES.map((name) => `${name}.json.gz`), 'index.json'].sort());
  });

  it.each(listArchitectures())('lists $name with the properties of its graph', ({ family, ...summary }) => {
    const architecture = buildArchitecture(loadArchitecture(summary.name), LIMITS);
    expect(summary).toEqual({
      name: architecture.name,
      nodes: architecture.nodes.length,
      tensors: parameters(architecture).length,
      parameters: parameterCount(architecture),
    });
    expect(family).toMatch(/^[a-z0-9_]+$/);
    expect(architecture.nodes.filter(({ classifier }) => classifier)).toHaveLength(2);
  });

  it.each(TORCHVISION)('gives the reference graph of %s', (fixture) => {
    const [name, classes] = fixture.split('-');
    const graph = loadArchitecture(name!, classes === undefined ? undefined : Number(classes));
    expect(labels(graph)).toEqual(labels(fixtureGraph(fixture)));
    expect(graph.state_dict).toEqual(fixtureGraph(fixture).state_dict);
  });

  it('counts the parameters of ResNet-50 correctly', () => {
    expect(listArchitectures()).toContainEqual({
      name: 'resnet50',
      family: 'resnet',
      nodes: 127,
      tensors: 161,
      parameters: 25557032,
    });
  });

  it('gives auxiliary heads the number of classes too', () => {
    const shapes = (classes?: number) =>
      new Map(loadArchitecture('googlenet', classes).state_dict!.map(({ name, shape }) => [name, shape]));
    for (const head of ['fc', 'aux1.fc2', 'aux2.fc2']) {
      expect(shapes().get(`${head}.bias`)).toEqual([1000]);
      expect(shapes(7).get(`${head}.bias`)).toEqual([7]);
      expect(shapes(7).get(`${head}.weight`)?.[0]).toBe(7);
    }
    expect(shapes(7).get('aux1.fc1.weight')).toEqual(shapes().get('aux1.fc1.weight'));
  });

  it('lists the known names if a name is unknown', () => {
    expect(() => loadArchitecture('ResNet-51')).toThrow(UnknownArchitectureError);
    expect(() => loadArchitecture('ResNet-51')).toThrow(/"ResNet-51"; did you mean "resnet50"/);
    expect(() => loadArchitecture('../package')).toThrow(/no architecture is called/);
    expect(() => loadArchitecture('transformer')).toThrow(/GET \/architectures lists them all/);
  });
});
