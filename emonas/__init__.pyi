"""The public names with their types, for editors and type checkers; at run time they are loaded on first use."""

from emonas.datasets.api import prepare as prepare
from emonas.datasets.clips.sample import Sample as Sample
from emonas.datasets.store.prepared import Prepared as Prepared
from emonas.errors import UserError as UserError
from emonas.evaluate.explain.attribution import explain as explain
from emonas.evaluate.model.load import load as load
from emonas.evaluate.model.model import Model as Model
from emonas.evaluate.model.model import Prediction as Prediction
from emonas.evaluate.predict.api import predict as predict
from emonas.evaluate.train.api import train as train
from emonas.genotype import Genotype as Genotype
from emonas.network import Network as Network
from emonas.search.api import search as search
from emonas.search.api import search_cells as search_cells
from emonas.supernet.supernet import Supernet as Supernet

__version__: str
__all__: list[str]
