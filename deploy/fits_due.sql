-- Job refit (resources/refit.yml): products whose newest decision asks for a fit.
select count(*) as due
from identifier(:catalog || '.' || :schema || '.model_operations')
where fit_due
