import type { Dispatcher } from 'undici';

/** Limit of bytes of one body that wait in memory. A slower reader has to request the rest again. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;

/**
 * Buffers bodies that are read slowly in memory, and never pauses the connection: undici 7 ends the process if a server
 * closes a connection that it has paused (nodejs/undici issue 5360). undici 8 does not, but needs Node 22.
 *
 * @param maxBytes limit of buffered bytes of one body; above it, the connection is given up
 */
export const unpaused =
  (maxBytes = MAX_WAITING_BYTES): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, unpausedHandler(handler, maxBytes));

function unpausedHandler(handler: Handler, maxBytes: number): Handler {
  let waiting = 0;
  let told: Controller | undefined;
  /** The controller in the form that the reader sees. */
  const shown = (controller: Controller): Controller => {
    told ??= {
      get aborted() {
        return controller.aborted;
      },
      get paused() {
        return false;
      },
      get reason() {
        return controller.reason;
      },
      get rawHeaders() {
        return controller.rawHeaders;
      },
      get rawTrailers() {
        return controller.rawTrailers;
      },
      abort: (reason) => controller.abort(reason),
      pause() {},
      resume() {
        waiting = 0;
      },
    };
    return told;
  };
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(shown(controller), context),
    onRequestUpgrade: (controller, ...rest) => handler.onRequestUpgrade?.(shown(controller), ...rest),
    onResponseStart: (controller, ...rest) => handler.onResponseStart?.(shown(controller), ...rest),
    onResponseData(controller, data) {
      waiting += data.length;
      if (waiting > maxBytes) controller.abort(new Error('the body is read more slowly than it arrives'));
      else handler.onResponseData?.(shown(controller), data);
    },
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(shown(controller), trailers),
    onResponseError: (controller, error) => handler.onResponseError?.(shown(controller), error),
  };
}
