import { connectToService } from '../../src/process/parent.js';

// A process that says what it is told, until it is told to end.
const channel = connectToService<string, string>((message) => {
  if (message === 'end') process.exit(7);
  void channel.send(message);
});
