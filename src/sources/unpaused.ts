import type { Dispatcher } from 'undici';

/** So much of one body may wait; whoever reads more slowly than that asks for the rest of it again. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;

/**
 * Has bodies that are read slowly wait in memory in place of the connection. undici 7 ends the process where a server closes a connection
 * that it has paused (nodejs/undici issue 5360); undici 8, which does not, wants Node 22.
 *
 * @param maxBytes that may wait of one body; with more the connection is given up
 */
export const unpaused =
  (maxBytes = MAX_WAITING_BYTES): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, unpausedHandler(handler, maxBytes));

function unpausedHandler(handler: Handler, maxBytes: number): Handler {
  let waiting = 0;
  let told: Controller | undefined;
  /** The controller as who reads sees it. */
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
      if (waiting > maxBytes) controller.abort(new Error('it is read more slowly than it comes'));
      else handler.onResponseData?.(shown(controller), data);
    },
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(shown(controller), trailers),
    onResponseError: (controller, error) => handler.onResponseError?.(shown(controller), error),
  };
}
