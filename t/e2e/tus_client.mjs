// One upload by the real tus-js-client: its options come as JSON in argv, its
// progress goes out as lines of JSON.
import { createRequire } from 'node:module';
import fs from 'node:fs';

const require = createRequire(process.env.NODE_MODULES + '/');
const tus = require('tus-js-client');
const options = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

const upload = new tus.Upload(fs.createReadStream(options.path), {
  endpoint: options.endpoint,
  chunkSize: options.chunkSize,
  uploadSize: fs.statSync(options.path).size,
  uploadDataDuringCreation: options.uploadDataDuringCreation || false,
  overridePatchMethod: options.overridePatchMethod || false,
  retryDelays: [50, 200, 500, 1000, 2000, 2000],
  metadata: options.metadata,
  headers: { Cookie: options.cookie },
  onUploadUrlAvailable: () => say({ url: upload.url }),
  onChunkComplete: (size, accepted) => say({ accepted }),
  onProgress: (sent) => say({ sent }),
  onError: (error) => { say({ error: String(error) }); process.exit(1); },
  onSuccess: (payload) => say({
    done: true,
    file: payload.lastResponse.getHeader('Pitchey-File-Id'),
  }),
});
upload.start();
