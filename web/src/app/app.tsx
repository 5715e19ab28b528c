import { useEffect, useRef } from 'preact/hooks';
import { ComparisonView } from '../views/comparison.js';
import { NewPredictionView } from '../views/new-prediction.js';
import { PredictionView } from '../views/prediction.js';
import { PredictionsView } from '../views/predictions.js';
import { SystemView } from '../views/system.js';
import { TensorView } from '../views/tensor.js';
import { KeyDialog } from './key-dialog.js';
import { href, type Route, route } from './router.js';
import { theme, toggleTheme } from './theme.js';

const TABS = [
  { path: [], name: 'New prediction' },
  { path: ['predictions'], name: 'Predictions' },
  { path: ['compare'], name: 'Compare' },
  { path: ['system'], name: 'System' },
] as const;

export function App() {
  const { path } = route.value;
  const main = useRef<HTMLElement>(null);
  const place = path.join('/');
  const isFirst = useRef(true);
  useEffect(() => {
    // Moves the focus of a keyboard or a screen reader to the new view, but not on the first load.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
    window.scrollTo(0, 0);
  }, [place]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="bar">
        <a class="brand" href={href([])}>
          <img src="./icon.svg" alt="" width="24" height="24" /> ghn-serve
        </a>
        <nav aria-label="Views">
          {TABS.map((tab) => (
            <a
              key={tab.name}
              href={href(tab.path)}
              aria-current={(path[0] ?? '') === (tab.path[0] ?? '') ? 'page' : undefined}
            >
              {tab.name}
            </a>
          ))}
          <a href="./docs">API</a>
        </nav>
        <button
          type="button"
          class="quiet"
          onClick={toggleTheme}
          aria-label={`Change to ${theme.value === 'dark' ? 'light' : 'dark'} colours`}
        >
          {theme.value === 'dark' ? '☀' : '☾'}
        </button>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <View route={route.value} />
      </main>
      <KeyDialog />
    </>
  );
}

function View({ route: { path, query } }: { route: Route }) {
  const [first, id, part, name] = path;
  if (first === undefined) return <NewPredictionView />;
  if (first === 'predictions' && part === 'tensors' && name)
    return <TensorView key={`${id}/${name}`} id={id} name={name} />;
  if (first === 'predictions' && id) return <PredictionView key={id} id={id} />;
  if (first === 'predictions') return <PredictionsView query={query} />;
  if (first === 'compare')
    return <ComparisonView a={query.get('a')} b={query.get('b')} tensor={query.get('tensor')} />;
  if (first === 'system') return <SystemView />;
  return (
    <section>
      <h1>Nothing is here</h1>
      <p>
        There is no page at this address. <a href={href([])}>Start a prediction</a> or look at{' '}
        <a href={href(['predictions'])}>list all predictions</a>.
      </p>
    </section>
  );
}
