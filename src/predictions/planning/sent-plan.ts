import type { Architecture } from '../../architecture/architecture.js';
import { ArchitectureText } from '../../architecture/text.js';
import { JsonText } from '../../json-text.js';
import type { Plan } from '../plan.js';

/** A plan on its way from the process that made it. The texts of its architecture follow separately. */
export interface SentPlan extends Pick<Plan, 'record' | 'cost'> {
  readonly work: Omit<Plan['work'], 'architecture'>;
  /** True if a Keras model follows the architecture's form and graph. */
  readonly hasKeras: boolean;
}

/** @param texts the texts of the architecture are appended here */
export function sentPlan({ record, cost, work }: Plan, texts: Uint8Array[]): SentPlan {
  const { architecture, ...rest } = work;
  const { form, graph, keras } = ArchitectureText.of(architecture as Architecture);
  texts.push(form.bytes, graph.bytes, ...(keras ? [keras.bytes] : []));
  return { record, cost, work: rest, hasKeras: keras !== null };
}

/** @param texts the texts of this plan and of later ones; this plan's are removed */
export function receivedPlan({ record, cost, work, hasKeras }: SentPlan, texts: Uint8Array[]): Plan {
  const own = texts.splice(0, hasKeras ? 3 : 2).map((text) => new JsonText(Buffer.from(text.buffer)));
  const [form, graph, keras] = own;
  const requestBytes = own.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return {
    record,
    cost: { ...cost, requestBytes },
    work: { ...work, architecture: new ArchitectureText(form, graph, keras ?? null) },
  };
}
