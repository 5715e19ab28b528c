import { JsonText } from '../json-text.js';
import type { Architecture } from './architecture.js';
import { canonicalGraph } from './canonical.js';
import type { Graph } from './schema.js';

/** A checked architecture as JSON, for code that passes it on without reading it. */
export class ArchitectureText {
  /** The architecture without its Keras model. */
  readonly form: JsonText;
  /** Its canonical graph. */
  readonly graph: JsonText;
  /** The Keras model; null if the request gave another form. */
  readonly keras: JsonText | null;

  constructor(form: JsonText, graph: JsonText, keras: JsonText | null) {
    this.form = form;
    this.graph = graph;
    this.keras = keras;
  }

  static of(architecture: Architecture): ArchitectureText {
    const { keras } = architecture;
    return new ArchitectureText(
      JsonText.of(withoutModel(architecture)),
      JsonText.of(canonicalGraph(architecture)),
      keras ? JsonText.of(keras.model) : null,
    );
  }
}

/** The parts of an architecture that are stored: its canonical graph, and the Keras model if the request gave one. */
export interface KeptArchitecture {
  readonly architecture: Graph | JsonText;
  readonly kerasModel?: unknown;
}

export function keptOf(architecture: Architecture | ArchitectureText): KeptArchitecture {
  if (architecture instanceof ArchitectureText) {
    return { architecture: architecture.graph, kerasModel: architecture.keras ?? undefined };
  }
  return { architecture: canonicalGraph(architecture), kerasModel: architecture.keras?.model };
}

/** Removes the Keras model. It is the larger part, and predictions do not need it. */
export function withoutModel(architecture: Architecture): Architecture {
  const { keras } = architecture;
  return keras ? { ...architecture, keras: { ...keras, model: null } } : architecture;
}
