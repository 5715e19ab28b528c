import type { Response } from 'undici';
import { SourceError } from '../source.js';
import type { HubAddress } from './address.js';

/** Maximum length of the part of a server's message that is shown. */
const SHOWN_CHARACTERS = 200;

interface Refused {
  readonly address: HubAddress;
  readonly endpoint: string;
  readonly hasToken: boolean;
}

/** Messages for the hub's error codes (`X-Error-Code`), each with a remedy. */
const CODES: Readonly<Record<string, (refused: Refused) => string>> = {
  EntryNotFound: ({ address: { repository, revision, file } }) =>
    `the repository ${repository} has no file ${file} at ${revision}; look at its list of files`,
  RevisionNotFound: ({ address: { repository, revision } }) =>
    `the repository ${repository} has no branch, tag or commit ${revision}`,
  RepoNotFound: (refused) => noRepository(refused),
  GatedRepo: ({ address: { repository }, endpoint, hasToken }) =>
    `the repository ${repository} is gated: accept its terms at ${endpoint}/${repository}, and ${
      hasToken ? 'give a token of that account' : 'set HF_TOKEN to a token of that account'
    }`,
};

/** The hub gives the same answer for a missing repository and for a private one. */
function noRepository({ address: { repository }, endpoint, hasToken }: Refused): string {
  const remedy = hasToken
    ? 'the token (HF_TOKEN, HF_TOKEN_PATH) does not open it'
    : 'if it is private, set HF_TOKEN to a token that may read it';
  return `${endpoint} has no repository ${repository}, or it is private: check its name; ${remedy}`;
}

/** Returns an error that says why the hub did not send the file. */
export async function hubRefusal(response: Response, refused: Refused): Promise<SourceError> {
  const { status, headers } = response;
  await response.body?.cancel();
  const code = headers.get('x-error-code') ?? '';
  const said = headers.get('x-error-message')?.slice(0, SHOWN_CHARACTERS);
  const explain = Object.hasOwn(CODES, code) ? CODES[code] : undefined;
  return new SourceError(`${explain?.(refused) ?? byStatus(status, said, refused)} (HTTP ${status})`);
}

function byStatus(status: number, said: string | undefined, refused: Refused): string {
  const { address, endpoint, hasToken } = refused;
  if (status === 401 && hasToken && /credentials/i.test(said ?? '')) {
    return `${endpoint} does not know the token of HF_TOKEN or HF_TOKEN_PATH; make a new one`;
  }
  if (status === 401) return noRepository(refused);
  if (status === 403) {
    return `${endpoint} does not let ${hasToken ? 'this token' : 'anonymous users'} read the repository ${address.repository}; ${
      hasToken ? 'HF_TOKEN needs the right to read it' : 'set HF_TOKEN to a token that may read it'
    }${said ? ` (${said})` : ''}`;
  }
  if (status === 404) {
    return `${endpoint} has no file ${address.file} of ${address.repository} at ${address.revision}`;
  }
  return `${endpoint} answered without the file${said ? `: ${said}` : ''}`;
}
