import { connectToService } from '../../src/process/parent.js';

// A process that returns every message until it receives the message to end.
const channel = connectToService<string, string>((message) => {
  if (message === 'end') process.exit(7);
  void channel.send(message);
});
