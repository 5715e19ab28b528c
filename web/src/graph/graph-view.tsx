import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Graph } from '../../../clients/typescript/src/index.js';
import { count, shape } from '../app/format.js';
import { tensorHref } from '../app/router.js';
import { theme } from '../app/theme.js';
import { type Camera, fitAll, fitWidth, pan, type Size, zoom } from './camera.js';
import { boxAt, drawGraph } from './draw.js';
import {
  type Box,
  blockDepth,
  blockDrawing,
  type Drawing,
  MAX_PLAIN_NODES,
  plainDrawing,
} from './drawing.js';
import { type Layout, layOut } from './layout.js';
import { opColour } from './ops.js';

const PAN_STEP = 60;
const ZOOM_STEP = 1.25;

export interface GraphViewProps {
  readonly id: string;
  readonly graph: Graph;
}

/** A network's graph in layers, with panning, zooming and search. Large graphs are drawn by blocks. */
export function GraphView({ id, graph }: GraphViewProps) {
  const [isByBlocks, setByBlocks] = useState(graph.nodes.length > MAX_PLAIN_NODES);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [selected, select] = useState<string | null>(null);
  const [search, setSearch] = useState('');
  const depth = useMemo(() => blockDepth(graph), [graph]);
  const drawing = useMemo(
    () => (isByBlocks ? blockDrawing(graph, depth, open) : plainDrawing(graph)),
    [graph, isByBlocks, depth, open],
  );
  const layout = useLayout(drawing);
  const found = useMemo(() => matches(drawing, search), [drawing, search]);
  const box = drawing.boxes.find((candidate) => candidate.id === selected) ?? null;
  const ops = [...new Set(drawing.boxes.map(({ op }) => op))];
  return (
    <section class="graph" aria-labelledby="graph-title">
      <div class="row">
        <h2 id="graph-title">Network</h2>
        <span class="muted">
          {count(graph.nodes.length)} nodes, {count(graph.edges.length)} edges
        </span>
        <label class="push">
          <span class="visually-hidden">Find nodes by name or operation</span>
          <input
            type="search"
            placeholder="Find nodes …"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        {search && (
          <span class="muted" role="status">
            {found.size} found
          </span>
        )}
        <label class="check">
          <input
            type="checkbox"
            checked={isByBlocks}
            onChange={(event) => setByBlocks(event.currentTarget.checked)}
          />{' '}
          By blocks
        </label>
      </div>
      <GraphCanvas drawing={drawing} layout={layout} selected={selected} found={found} onSelect={select} />
      <ul class="legend">
        {ops.map((op) => (
          <li key={op}>
            <span class="swatch" style={{ background: opColour(op) }} /> {op}
          </li>
        ))}
      </ul>
      {box && (
        <NodePanel
          id={id}
          box={box}
          onOpen={box.op === 'block' ? () => setOpen(new Set([...open, box.label])) : null}
        />
      )}
      <details>
        <summary>Nodes as a list</summary>
        <ul class="node-list">
          {drawing.boxes.map((entry) => (
            <li key={entry.id}>
              <button type="button" class="link" onClick={() => select(entry.id)}>
                {entry.label}
              </button>{' '}
              <span class="muted">{entry.op}</span>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

function useLayout(drawing: Drawing): Layout | null {
  const [placed, setPlaced] = useState<{ drawing: Drawing; layout: Layout } | null>(null);
  useEffect(() => {
    let isCurrent = true;
    void layOut(drawing).then((layout) => isCurrent && setPlaced({ drawing, layout }));
    return () => {
      isCurrent = false;
    };
  }, [drawing]);
  return placed?.drawing === drawing ? placed.layout : null;
}

function matches({ boxes }: Drawing, search: string): ReadonlySet<string> {
  const text = search.trim().toLowerCase();
  if (!text) return new Set();
  const has = (box: Box) =>
    box.op === text || box.nodes.some(({ id, op }) => id.toLowerCase().includes(text) || op === text);
  return new Set(boxes.filter(has).map(({ id }) => id));
}

interface GraphCanvasProps {
  readonly drawing: Drawing;
  readonly layout: Layout | null;
  readonly selected: string | null;
  readonly found: ReadonlySet<string>;
  readonly onSelect: (id: string | null) => void;
}

function GraphCanvas({ drawing, layout, selected, found, onSelect }: GraphCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const camera = useRef<Camera | null>(null);
  const redraw = useRef<() => void>(() => {});
  const currentTheme = theme.value;

  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => {
      element.width = element.clientWidth * devicePixelRatio;
      element.height = element.clientHeight * devicePixelRatio;
      setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    camera.current = null;
  }, [layout]);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !layout || size.width === 0) return;
    camera.current ??= fitWidth(layout, size);
    let frame = 0;
    redraw.current = () => {
      if (frame) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        drawGraph(context, { drawing, layout, selected, found }, camera.current!, size);
      });
    };
    redraw.current();
    return () => cancelAnimationFrame(frame);
  }, [drawing, layout, selected, found, size, currentTheme]);

  // Scrolls to the first result.
  useEffect(() => {
    const index = drawing.boxes.findIndex(({ id }) => found.has(id));
    if (index >= 0 && layout && camera.current)
      move({ ...camera.current, x: layout.x[index], y: layout.y[index] });
  }, [found, layout]);

  const move = (to: Camera) => {
    camera.current = to;
    redraw.current();
  };
  const at = (event: { offsetX: number; offsetY: number }) => ({ x: event.offsetX, y: event.offsetY });
  const middle = { x: size.width / 2, y: size.height / 2 };
  const KEYS: Record<string, (now: Camera) => Camera> = {
    ArrowLeft: (now) => pan(now, PAN_STEP, 0),
    ArrowRight: (now) => pan(now, -PAN_STEP, 0),
    ArrowUp: (now) => pan(now, 0, PAN_STEP),
    ArrowDown: (now) => pan(now, 0, -PAN_STEP),
    '+': (now) => zoom(now, ZOOM_STEP, middle, size),
    '=': (now) => zoom(now, ZOOM_STEP, middle, size),
    '-': (now) => zoom(now, 1 / ZOOM_STEP, middle, size),
    '0': () => fitAll(layout!, size),
  };
  const drag = useRef<{ x: number; y: number; hasMoved: boolean } | null>(null);
  const zoomBy = (factor: number) => camera.current && move(zoom(camera.current, factor, middle, size));

  return (
    <div class="graph-frame">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={`The network’s graph, ${drawing.boxes.length} boxes. Arrow keys move it, plus and minus enlarge and shrink it, 0 shows all of it. The list below names every node.`}
        onWheel={(event) => {
          if (!camera.current) return;
          event.preventDefault();
          const wheel = event as unknown as WheelEvent;
          if (wheel.ctrlKey || wheel.metaKey || Math.abs(wheel.deltaY) >= 40)
            move(zoom(camera.current, Math.exp(-wheel.deltaY / 400), at(wheel), size));
          else move(pan(camera.current, -wheel.deltaX, -wheel.deltaY));
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x: event.clientX, y: event.clientY, hasMoved: false };
        }}
        onPointerMove={(event) => {
          if (!drag.current || !camera.current) return;
          const dx = event.clientX - drag.current.x;
          const dy = event.clientY - drag.current.y;
          if (!drag.current.hasMoved && Math.hypot(dx, dy) < 4) return;
          drag.current = { x: event.clientX, y: event.clientY, hasMoved: true };
          move(pan(camera.current, dx, dy));
        }}
        onPointerUp={(event) => {
          const isClick = drag.current && !drag.current.hasMoved;
          drag.current = null;
          if (isClick && layout && camera.current)
            onSelect(boxAt({ drawing, layout }, camera.current, size, at(event)));
        }}
        onKeyDown={(event) => {
          const act = KEYS[event.key];
          if (!act || !camera.current || !layout) return;
          event.preventDefault();
          move(act(camera.current));
        }}
      />
      <div class="graph-buttons">
        <button type="button" aria-label="Enlarge the graph" onClick={() => zoomBy(ZOOM_STEP)}>
          +
        </button>
        <button type="button" aria-label="Shrink the graph" onClick={() => zoomBy(1 / ZOOM_STEP)}>
          −
        </button>
        <button
          type="button"
          aria-label="Show the whole graph"
          onClick={() => layout && move(fitAll(layout, size))}
        >
          ⤢
        </button>
      </div>
      {!layout && (
        <div class="graph-wait" role="status">
          Laying the graph out …
        </div>
      )}
    </div>
  );
}

function NodePanel({ id, box, onOpen }: { id: string; box: Box; onOpen: (() => void) | null }) {
  const tensors = box.nodes.flatMap(({ weight, bias }) =>
    [weight, bias].filter((tensor) => tensor !== undefined),
  );
  return (
    <aside class="panel" aria-label={`Node ${box.label}`}>
      <div class="row">
        <h3>{box.label}</h3>
        <span class="chip op" style={{ background: opColour(box.op) }}>
          {box.op}
        </span>
        {onOpen && (
          <button type="button" class="push" onClick={onOpen}>
            Show its {box.nodes.length} nodes
          </button>
        )}
      </div>
      {tensors.length === 0 ? (
        <p class="muted">This node has no tensors.</p>
      ) : (
        <ul>
          {tensors.map((tensor) => (
            <li key={tensor.name}>
              <a href={tensorHref(id, tensor.name)}>{tensor.name}</a>{' '}
              <span class="muted">{shape(tensor.shape)}</span>
            </li>
          ))}
        </ul>
      )}
    </aside>
  );
}
