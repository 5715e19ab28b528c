import protobuf from 'protobufjs';

/** ONNX's numbers for the element types that the engine uses (TensorProto.DataType). */
export const ELEMENT_TYPE = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 } as const;
export type ElementType = keyof typeof ELEMENT_TYPE;

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** The value of an attribute: a whole number, a list of whole numbers, a float, or the graph of a loop's body. */
export type OnnxAttribute =
  | number
  | readonly number[]
  | { readonly float: number }
  | { readonly graph: OnnxModel };

export interface OnnxModel {
  /** Element type of each input, by name. Shapes stay open, except for `scalars`. */
  readonly inputs: Readonly<Record<string, ElementType>>;
  readonly outputs: Readonly<Record<string, ElementType>>;
  readonly nodes: readonly OnnxNode[];
  /** Names of inputs without dimensions, such as those that a loop gives its body. */
  readonly scalars?: readonly string[];
  /** Vectors of int64, by name, for the shapes that Reshape takes. */
  readonly constants?: Readonly<Record<string, readonly number[]>>;
  /** Shapes of float32 weights, by name. Their bytes are given beside the model, as external data of that name. */
  readonly weights?: Readonly<Record<string, readonly number[]>>;
}

/** Opset 20 is the first with Gelu. It was released with IR 9. */
const OPSET = 20;
const IR_VERSION = 9;

/** The part of onnx.proto that a model without weights needs. */
const ModelProto = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: { type: 'int64', id: 1 },
        graph: { type: 'GraphProto', id: 7 },
        opsetImport: { rule: 'repeated', type: 'OperatorSetIdProto', id: 8 },
      },
    },
    OperatorSetIdProto: { fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } } },
    GraphProto: {
      fields: {
        node: { rule: 'repeated', type: 'NodeProto', id: 1 },
        name: { type: 'string', id: 2 },
        initializer: { rule: 'repeated', type: 'TensorProto', id: 5 },
        input: { rule: 'repeated', type: 'ValueInfoProto', id: 11 },
        output: { rule: 'repeated', type: 'ValueInfoProto', id: 12 },
      },
    },
    NodeProto: {
      fields: {
        input: { rule: 'repeated', type: 'string', id: 1 },
        output: { rule: 'repeated', type: 'string', id: 2 },
        opType: { type: 'string', id: 4 },
        attribute: { rule: 'repeated', type: 'AttributeProto', id: 5 },
      },
    },
    AttributeProto: {
      fields: {
        name: { type: 'string', id: 1 },
        f: { type: 'float', id: 2 },
        i: { type: 'int64', id: 3 },
        g: { type: 'GraphProto', id: 6 },
        ints: { rule: 'repeated', type: 'int64', id: 8 },
        type: { type: 'int32', id: 20 },
      },
    },
    TensorProto: {
      fields: {
        dims: { rule: 'repeated', type: 'int64', id: 1 },
        dataType: { type: 'int32', id: 2 },
        int64Data: { rule: 'repeated', type: 'int64', id: 7 },
        name: { type: 'string', id: 8 },
        externalData: { rule: 'repeated', type: 'StringStringEntryProto', id: 13 },
        dataLocation: { type: 'int32', id: 14 },
      },
    },
    StringStringEntryProto: { fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
    ValueInfoProto: { fields: { name: { type: 'string', id: 1 }, type: { type: 'TypeProto', id: 2 } } },
    TypeProto: { fields: { tensorType: { type: 'TensorTypeProto', id: 1 } } },
    TensorTypeProto: {
      fields: { elemType: { type: 'int32', id: 1 }, shape: { type: 'TensorShapeProto', id: 2 } },
    },
    // Its only field, the list of dimensions, is empty for a scalar.
    TensorShapeProto: { fields: {} },
  },
}).lookupType('ModelProto');

/** AttributeProto.AttributeType */
const ATTRIBUTE = { float: 1, int: 2, graph: 5, ints: 7 } as const;

/** TensorProto.DataLocation */
const EXTERNAL = 1;

function attribute(name: string, value: OnnxAttribute) {
  if (typeof value === 'number') return { name, type: ATTRIBUTE.int, i: value };
  if ('float' in value) return { name, type: ATTRIBUTE.float, f: value.float };
  if ('graph' in value) return { name, type: ATTRIBUTE.graph, g: graph(value.graph) };
  return { name, type: ATTRIBUTE.ints, ints: value };
}

/** Encodes a model as the bytes of a .onnx file. Weights are inputs of every run, or external data. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return ModelProto.encode({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET }],
    graph: graph(model),
  }).finish();
}

function graph(model: OnnxModel): object {
  const values = (named: Readonly<Record<string, ElementType>>) =>
    Object.entries(named).map(([name, type]) => ({
      name,
      type: {
        tensorType: {
          elemType: ELEMENT_TYPE[type],
          ...(model.scalars?.includes(name) ? { shape: {} } : {}),
        },
      },
    }));
  const constants = Object.entries(model.constants ?? {}).map(([name, vector]) => ({
    name,
    dims: [vector.length],
    dataType: ELEMENT_TYPE.int64,
    int64Data: vector,
  }));
  const weights = Object.entries(model.weights ?? {}).map(([name, dims]) => ({
    name,
    dims,
    dataType: ELEMENT_TYPE.float32,
    dataLocation: EXTERNAL,
    externalData: [
      { key: 'location', value: name },
      { key: 'offset', value: '0' },
      { key: 'length', value: String(4 * dims.reduce((product, size) => product * size, 1)) },
    ],
  }));
  return {
    name: 'ghn',
    node: model.nodes.map(({ op, inputs, outputs, attributes = {} }) => ({
      opType: op,
      input: inputs,
      output: outputs,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    })),
    initializer: [...constants, ...weights],
    input: values(model.inputs),
    output: values(model.outputs),
  };
}
