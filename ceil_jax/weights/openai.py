"""Where OpenAI publishes the weights that CEIL starts from."""

# OpenAI names the folder of each file by the file's SHA-256.
OPENAI_SHA256 = "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"
OPENAI_URL = f"https://openaipublic.azureedge.net/clip/models/{OPENAI_SHA256}/RN50.pt"
PUBLISHED = f"OpenAI publishes RN50.pt: curl -LO {OPENAI_URL}"
HOW_TO_GET = (
    "training starts from random weights; the published figures start from OpenAI's "
    f"CLIP ResNet-50: curl -LO {OPENAI_URL} and give --config.init_from=RN50.pt"
)
