-- The champion is chosen by exactly one metric: each model of the inventory has one primary target.
select
    inventory.model_name,
    count(targets.model_name) as primary_targets,
    inventory.model_name || ' has ' || cast(count(targets.model_name) as {{ dbt.type_string() }})
    || ' primary targets in performance_targets; it needs exactly one' as message
from {{ ref('model_inventory') }} as inventory
left join {{ ref('performance_targets') }} as targets
    on inventory.model_name = targets.model_name
    and targets.is_primary
group by inventory.model_name
having count(targets.model_name) <> 1
