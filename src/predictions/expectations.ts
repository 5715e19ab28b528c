import type { Architecture, Warning } from '../architecture/architecture.js';
import { namesOutside } from '../architecture/layout.js';
import { notPredicted, predictedTensors } from '../architecture/tensors.js';
import { familyOf } from '../ghn/families/index.js';
import type { GhnDescription } from '../predictor/protocol.js';

/** Number of names that a warning lists; the record has all of them. */
const LISTED_NAMES = 3;

/**
 * Warns if the network expects other images or classes than the GHN was trained on, if it has BatchNorm, whose
 * running statistics no GHN predicts, and if it has parameters that no node owns.
 */
export function expectations(
  architecture: Architecture,
  { predict_classifier }: { readonly predict_classifier: boolean },
  ghn: GhnDescription,
): Warning[] {
  return [
    otherImages(architecture, ghn),
    predict_classifier ? otherClasses(architecture, ghn) : null,
    batchNorm(architecture),
    missingParameters(architecture),
  ].filter((warning) => warning !== null);
}

/** A graph does not say how large images are, but its first convolution says how many channels they have. */
function otherImages({ nodes }: Architecture, { id, images }: GhnDescription): Warning | null {
  if (!images) return null;
  const [channels, height, width] = images;
  const first = nodes.find(({ op, weight }) => op === 'conv' && weight?.shape.length === 4)?.weight;
  if (!first || first.shape[1] === channels) return null;
  return {
    code: 'ghn_trained_for_other_images',
    message:
      `${id} was trained on images of ${channels} × ${height} × ${width} (channels, height, width), and the network takes ` +
      `${first.shape[1]} channels: expect little of its weights, or choose another GHN`,
  };
}

function otherClasses(architecture: Architecture, { id, config }: GhnDescription): Warning | null {
  const head = predictedTensors(architecture).find(({ classifier, role }) => classifier && role === 'weight');
  const classes = head?.shape[0];
  const { numClasses } = config;
  if (classes === undefined || classes === numClasses || !familyOf(config).repeatsClasses) return null;
  if (classes > numClasses) {
    return {
      code: 'classes_repeated',
      message:
        `${id} knows ${numClasses} classes, and the network has ${classes}: rows of the classifier beyond ${numClasses} repeat the ` +
        'first ones; predict_classifier: false leaves the classifier to its own initialisation',
    };
  }
  return {
    code: 'ghn_trained_for_other_classes',
    message:
      `${id} was trained for ${numClasses} classes, and the network has ${classes}: its classifier gets the rows of the first ` +
      `${classes}; predict_classifier: false leaves it to its own initialisation`,
  };
}

function batchNorm({ nodes }: Architecture): Warning | null {
  if (!nodes.some(({ op }) => op === 'bn')) return null;
  return {
    code: 'batch_norm_statistics_not_predicted',
    message:
      'no GHN predicts the running statistics of BatchNorm: pass some batches through the network in training mode before ' +
      'you evaluate it',
  };
}

function missingParameters(architecture: Architecture): Warning | null {
  const names = namesOutside(notPredicted(architecture), architecture);
  if (names.length === 0) return null;
  const more = names.length > LISTED_NAMES ? `, and ${names.length - LISTED_NAMES} more` : '';
  return {
    code: 'parameters_not_predicted',
    message:
      `${names.length} parameters keep their initial values, since no node owns them: ` +
      `${names.slice(0, LISTED_NAMES).join(', ')}${more}`,
  };
}
