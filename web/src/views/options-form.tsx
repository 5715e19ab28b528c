import type { ComponentChildren } from 'preact';
import type { Ghn } from '../../../clients/typescript/src/index.js';
import { shortCount } from '../app/format.js';
import { conflictOf, type FormOptions, settle } from './request-form.js';

export interface OptionsFormProps {
  readonly options: FormOptions;
  readonly onChange: (options: FormOptions) => void;
  readonly ghns: readonly Ghn[];
  /** True if the network is chosen by name: only then can the number of classes be chosen. */
  readonly isNamed: boolean;
}

const FORMATS = { safetensors: 'safetensors', tiled: 'tiled (blocks only)', npz: 'npz (NumPy)' } as const;

export function OptionsForm({ options, onChange, ghns, isNamed }: OptionsFormProps) {
  const set = (change: Partial<FormOptions>) => onChange(settle({ ...options, ...change }));
  const text = (key: 'numClasses' | 'seed' | 'noise' | 'fromLayer' | 'minChannels' | 'noiseSeed') => ({
    value: options[key],
    onInput: (event: { currentTarget: HTMLInputElement }) => set({ [key]: event.currentTarget.value }),
  });
  return (
    <form class="options" aria-label="Options" onSubmit={(event) => event.preventDefault()}>
      <Field name="Hypernetwork">
        <select value={options.ghn} onChange={(event) => set({ ghn: event.currentTarget.value })}>
          <option value="">{ghns[0] ? `${ghns[0].id} (default)` : 'the default'}</option>
          {ghns.slice(1).map(({ id, parameters }) => (
            <option key={id} value={id}>
              {id}, {shortCount(parameters)} parameters
            </option>
          ))}
        </select>
      </Field>
      <Field name="Classes" hint={isNamed ? undefined : 'your network has its own'}>
        <input
          type="number"
          min="1"
          step="1"
          placeholder="the network’s own"
          disabled={!isNamed}
          {...text('numClasses')}
        />
      </Field>
      <Field name="Dtype">
        <select
          value={options.dtype}
          onChange={(event) => set({ dtype: event.currentTarget.value as FormOptions['dtype'] })}
        >
          {(['F32', 'F16', 'BF16'] as const).map((dtype) => (
            <option key={dtype}>{dtype}</option>
          ))}
        </select>
      </Field>
      <Field name="Format" hint={conflictOf(options, 'tiled') ?? conflictOf(options, 'npz') ?? undefined}>
        <select
          value={options.format}
          onChange={(event) => set({ format: event.currentTarget.value as FormOptions['format'] })}
        >
          {Object.entries(FORMATS).map(([format, label]) => (
            <option
              key={format}
              value={format}
              disabled={conflictOf(options, format as FormOptions['format']) !== null}
            >
              {label}
            </option>
          ))}
        </select>
      </Field>
      <label class="check">
        <input
          type="checkbox"
          checked={options.predictClassifier}
          onChange={(event) => set({ predictClassifier: event.currentTarget.checked })}
        />{' '}
        Predict the classifier as well
      </label>
      {!isNamed && (
        <label class="check">
          <input
            type="checkbox"
            checked={options.skipsUnsupported}
            onChange={(event) => set({ skipsUnsupported: event.currentTarget.checked })}
          />{' '}
          Leave out layers that the hypernetwork cannot predict
        </label>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={options.isPostprocessed}
          onChange={(event) => set({ isPostprocessed: event.currentTarget.checked })}
        />{' '}
        Post-process: restore the diversity of the weights
      </label>
      {options.isPostprocessed && (
        <fieldset class="sub">
          <legend>Post-processing</legend>
          <Field name="Noise β">
            <input type="number" min="0" step="any" {...text('noise')} />
          </Field>
          <Field name="From layer" hint="0: all">
            <input type="number" min="0" step="1" {...text('fromLayer')} />
          </Field>
          <Field name="Least channels">
            <input type="number" min="0" step="1" {...text('minChannels')} />
          </Field>
          <Field name="Noise seed">
            <input type="number" min="0" step="1" {...text('noiseSeed')} />
          </Field>
          <label class="check">
            <input
              type="checkbox"
              checked={options.orthogonalize}
              onChange={(event) => set({ orthogonalize: event.currentTarget.checked })}
            />{' '}
            Orthogonalise
          </label>
        </fieldset>
      )}
    </form>
  );
}

function Field({ name, hint, children }: { name: string; hint?: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label class="field">
      <span>{name}</span>
      {children}
      {hint && <small class="muted">{hint}</small>}
    </label>
  );
}
