import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type ArchitectureSummary, dataOf, ProblemError } from '../../../clients/typescript/src/index.js';
import { shortCount } from '../app/format.js';
import { navigate, predictionHref } from '../app/router.js';
import { client, noteError, SERVICE_URL, useLoaded } from '../app/service.js';
import { CodeSamples } from '../parts/code-samples.js';
import { JsonEditor } from '../parts/json-editor.js';
import { ErrorBox, LoadState } from '../parts/status.js';
import { Tabs } from '../parts/tabs.js';
import { OptionsForm } from './options-form.js';
import { type Pasted, readPasted } from './pasted.js';
import { INITIAL_OPTIONS, requestOf } from './request-form.js';
import { predictSamples } from './samples.js';

const EXAMPLE = JSON.stringify(
  {
    name: 'tiny',
    layers: [
      { name: 'conv1', type: 'Conv2d', in_channels: 3, out_channels: 16, kernel_size: 3 },
      { name: 'bn1', type: 'BatchNorm2d', num_features: 16 },
      { name: 'relu', type: 'ReLU' },
      { name: 'gap', type: 'AdaptiveAvgPool2d' },
      { name: 'fc', type: 'Linear', in_features: 16, out_features: 10 },
    ],
  },
  null,
  2,
);

const loadCatalogue = async (signal: AbortSignal) => {
  const [{ architectures }, { ghns }] = await Promise.all([
    dataOf(client.api.GET('/architectures', { signal })),
    dataOf(client.api.GET('/ghns', { signal })),
  ]);
  return { architectures, ghns };
};

/** The view for choosing or pasting a network, choosing options, and predicting. */
export function NewPredictionView() {
  const catalogue = useLoaded(loadCatalogue, []);
  const [source, setSource] = useState<'name' | 'text'>('name');
  const [name, setName] = useState('resnet50');
  const [text, setText] = useState(EXAMPLE);
  const [options, setOptions] = useState(INITIAL_OPTIONS);
  const [error, setError] = useState<unknown>(null);
  const [isSending, setSending] = useState(false);

  const pasted = useMemo((): Pasted | Error | null => {
    if (source === 'name') return null;
    try {
      return readPasted(text);
    } catch (fault) {
      return fault as Error;
    }
  }, [source, text]);
  const request = useMemo(() => {
    if (source === 'name') return requestOf(name, options);
    if (pasted === null || pasted instanceof Error) return null;
    return { ...requestOf(pasted.architecture, options), ...pasted.options };
  }, [source, name, pasted, options]);
  const faults = useMemo(() => {
    if (!(error instanceof ProblemError) || pasted === null || pasted instanceof Error) return [];
    const { pointerPrefix } = pasted;
    return (error.problem.errors ?? [])
      .filter(({ path }) => path.startsWith(pointerPrefix))
      .map(({ path, message }) => ({ path: path.slice(pointerPrefix.length), message }));
  }, [error, pasted]);

  const predict = async () => {
    if (!request) return;
    setSending(true);
    setError(null);
    try {
      const { id } = await client.begin(request);
      navigate(predictionHref(id));
    } catch (fault) {
      noteError(fault);
      setError(fault);
    } finally {
      setSending(false);
    }
  };

  return (
    <section class="new">
      <h1>Predict a network’s weights</h1>
      <p class="lead">
        Choose a network or paste your own. A graph hypernetwork reads its graph and predicts all of its
        parameters in one pass.
      </p>
      <div class="columns">
        <div>
          <Tabs
            label="Source of the network"
            choices={{ name: 'Known networks', text: 'Your own' }}
            chosen={source}
            onChoose={setSource}
          />
          {source === 'name' ? (
            <LoadState loaded={catalogue} height={380}>
              {({ architectures }) => (
                <Catalogue architectures={architectures} chosen={name} onChoose={setName} />
              )}
            </LoadState>
          ) : (
            <TextSource text={text} onChange={setText} pasted={pasted} faults={faults} />
          )}
        </div>
        <div>
          <OptionsForm
            options={options}
            onChange={setOptions}
            ghns={catalogue.data?.ghns ?? []}
            isNamed={source === 'name'}
          />
          <div class="actions">
            <button type="button" class="primary" disabled={!request || isSending} onClick={predict}>
              {isSending ? 'Sending …' : 'Predict'}
            </button>
          </div>
          {error !== null && <Faults error={error} onRetry={predict} />}
        </div>
      </div>
      {request && (
        <CodeSamples label="Do the same from your own code" samples={predictSamples(SERVICE_URL, request)} />
      )}
    </section>
  );
}

function Catalogue({
  architectures,
  chosen,
  onChoose,
}: {
  architectures: readonly ArchitectureSummary[];
  chosen: string;
  onChoose: (name: string) => void;
}) {
  const [search, setSearch] = useState('');
  const list = useRef<HTMLFieldSetElement>(null);
  useEffect(() => {
    const radio = list.current?.querySelector<HTMLElement>('input:checked');
    // Scrolls the list without moving the page.
    if (list.current && radio) list.current.scrollTop = radio.offsetTop - list.current.clientHeight / 2;
  }, []);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = architectures.filter(({ name, family }) =>
    words.every((word) => `${name} ${family}`.toLowerCase().includes(word)),
  );
  return (
    <div class="catalogue">
      <label>
        <span class="visually-hidden">Search the known networks</span>
        <input
          type="search"
          placeholder={`Search ${architectures.length} networks …`}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      </label>
      <fieldset ref={list}>
        <legend class="visually-hidden">Networks</legend>
        {shown.map(({ name, nodes, parameters }) => (
          <label key={name} class="choice">
            <input
              type="radio"
              name="architecture"
              value={name}
              checked={name === chosen}
              onChange={() => onChoose(name)}
            />
            <span class="choice-name">{name}</span>
            <span class="muted">
              {shortCount(parameters)} parameters, {nodes} nodes
            </span>
          </label>
        ))}
        {shown.length === 0 && (
          <p class="empty">
            No known network has “{search}” in its name. Paste its graph, its layers or its Keras JSON under
            “Your own”.
          </p>
        )}
      </fieldset>
    </div>
  );
}

function TextSource({
  text,
  onChange,
  pasted,
  faults,
}: {
  text: string;
  onChange: (text: string) => void;
  pasted: Pasted | Error | null;
  faults: readonly { path: string; message: string }[];
}) {
  const [isOver, setOver] = useState(false);
  const open = async (file: File | undefined) => {
    if (file) onChange(await file.text());
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a file can be dropped here; the button below does the same
    <div
      class={isOver ? 'text-source over' : 'text-source'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void open(event.dataTransfer?.files[0]);
      }}
    >
      <JsonEditor text={text} onChange={onChange} faults={faults} label="The network as JSON" />
      <p class="row">
        <label class="button">
          Open a file
          <input
            type="file"
            class="visually-hidden"
            accept=".json,application/json"
            onChange={(event) => void open(event.currentTarget.files?.[0])}
          />
        </label>
        <span class={pasted instanceof Error ? 'fault-text' : 'muted'} role="status">
          {pasted instanceof Error
            ? `Not JSON yet: ${pasted.message}`
            : `Read as a ${pasted?.kind ?? 'network'}. A graph, layers, Keras’ to_json() or a whole request can be pasted or dropped here.`}
        </span>
      </p>
    </div>
  );
}

/** A refusal, with every fault that the service found. */
function Faults({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const errors = error instanceof ProblemError ? (error.problem.errors ?? []) : [];
  return (
    <>
      <ErrorBox error={error} onRetry={errors.length > 0 ? undefined : onRetry} />
      {errors.length > 0 && (
        <ul class="faults">
          {errors.slice(0, 50).map(({ path, message }) => (
            <li key={path + message}>
              <code>{path || '/'}</code> {message}
            </li>
          ))}
          {errors.length > 50 && <li>and {errors.length - 50} more</li>}
        </ul>
      )}
    </>
  );
}
